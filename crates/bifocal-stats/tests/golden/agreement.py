"""Golden values of agreement on PandaLM and LLMBar: writes agreement.json beside itself. Only numbers are kept.

Made with SciPy, scikit-learn and krippendorff; the file says which versions made it.
Run: pip install scipy scikit-learn krippendorff numpy, then python3 agreement.py FOLDER_WITH_THE_DATA

PandaLM: 0 tie, 1, 2 as categories; people are the three of `human`, the judge is `judge_gpt35` ("garbage" is left out)
or `judge_pandalm7b`. Pass: the first answer is better. LLMBar: `gold` against the verdict of a judge in the order 1, 2.
Rogan-Gladen: judge and people of the first 200 items calibrate, the judge's share on all items is corrected; smoothed by
two and two, interval by the delta method with SciPy's normal quantile.
"""
import gzip
import importlib.metadata
import json
import pathlib
import sys

import krippendorff
import numpy as np
from scipy import stats
from sklearn.metrics import cohen_kappa_score

folder = pathlib.Path(sys.argv[1])


def rows(name):
    with gzip.open(folder / f"{name}.jsonl.gz", "rt") as lines:
        return [json.loads(line) for line in lines]


def alphas(units):
    """The three alphas of units with any number of values."""
    width = max(len(unit) for unit in units)
    table = np.full((width, len(units)), np.nan)
    for i, unit in enumerate(units):
        table[: len(unit), i] = unit
    metrics = {"nominal": "nominal", "ordinal": "ordinal", "interval": "interval"}
    return {name: float(krippendorff.alpha(table, level_of_measurement=level)) for name, level in metrics.items()}


def kappas(one, other, labels):
    return {
        "equal": float(cohen_kappa_score(one, other, labels=labels)),
        "quadratic": float(cohen_kappa_score(one, other, labels=labels, weights="quadratic")),
    }


def rogan_gladen(people, judge, calibrated):
    people, judge = np.array(people), np.array(judge)
    p, j = people[:calibrated], judge[:calibrated]
    n1, n0 = p.sum() + 4, (~p).sum() + 4
    q1, q0 = ((p & j).sum() + 2) / n1, ((~p & ~j).sum() + 2) / n0
    phat, n = judge.mean(), len(judge)
    value = float(np.clip((phat + q0 - 1) / (q0 + q1 - 1), 0, 1))
    variance = phat * (1 - phat) / n + value**2 * q1 * (1 - q1) / n1 + (1 - value) ** 2 * q0 * (1 - q0) / n0
    margin = float(stats.norm.ppf(0.975) * np.sqrt(variance) / (q0 + q1 - 1))
    return {"value": value, "lower": max(value - margin, 0.0), "upper": min(value + margin, 1.0), "n": int(n)}


def pandalm(judge):
    said = {"1": 1, "2": 2, "Tie": 0, 0: 0, 1: 1, 2: 2}
    kept = [row for row in rows("pandalm_human_vs_judge") if row[judge] in said]
    verdicts = [said[row[judge]] for row in kept]
    first = [row["human"][0] for row in kept]
    return {
        "n": len(kept),
        "kappa_with_first_person": kappas(first, verdicts, [0, 1, 2]),
        "alpha_with_all": alphas([row["human"] + [verdict] for row, verdict in zip(kept, verdicts)]),
        "rogan_gladen": rogan_gladen([person == 1 for person in first], [v == 1 for v in verdicts], 200),
    }


def llmbar(judge):
    kept = [row for row in rows("llmbar_gold_vs_judges") if row["judges"].get(judge, {}).get("order_12") in ("1", "2")]
    gold = [row["gold"] for row in kept]
    verdicts = [int(row["judges"][judge]["order_12"]) for row in kept]
    return {
        "n": len(kept),
        "kappa": kappas(gold, verdicts, [1, 2]),
        "alpha": alphas([list(pair) for pair in zip(gold, verdicts)]),
        "rogan_gladen": rogan_gladen([g == 1 for g in gold], [v == 1 for v in verdicts], 200),
    }


golden = {
    "versions": {
        name: importlib.metadata.version(name) for name in ("scipy", "scikit-learn", "krippendorff", "numpy")
    },
    "pandalm": {judge: pandalm(judge) for judge in ("judge_gpt35", "judge_pandalm7b")},
    "pandalm_people": alphas([row["human"] for row in rows("pandalm_human_vs_judge")]),
    "llmbar": {judge: llmbar(judge) for judge in ("GPT-4/Vanilla_NoRules", "PaLM2/Vanilla_NoRules")},
}
path = pathlib.Path(__file__).with_name("agreement.json")
path.write_text(json.dumps(golden, indent=1) + "\n")
print(json.dumps(golden, indent=1))
