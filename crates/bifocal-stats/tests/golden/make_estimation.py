"""Golden values of estimation, from other implementations: writes estimation.json beside itself.

Made with ppi-python 0.2.3, SciPy 1.17.1 and NumPy 2.4.6; the file says which versions made it.
Run: pip install ppi-python scipy numpy, then python3 make_estimation.py
"""
import importlib.metadata
import json
import pathlib

import numpy as np
import ppi_py
from ppi_py.ppi import _calc_lam_glm
from scipy import stats

rng = np.random.default_rng(20261125)


def ppi_case(n, n_other, noise):
    """Scores, predictions of the judged and of the others, with what ppi_py makes of them."""
    f = rng.beta(5, 2, n + n_other)
    y = np.clip(0.1 + 0.8 * f + rng.normal(0, noise, n + n_other), 0, 1)
    y, f, other = np.round(y[:n], 4), np.round(f[:n], 4), np.round(f[n:], 4)
    # The tuned lambda, and then the estimate at exactly that lambda.
    grads = (y - y.mean()).reshape(-1, 1)
    grads_hat = (f - y.mean()).reshape(-1, 1)
    grads_hat_other = (other - y.mean()).reshape(-1, 1)
    tuned = float(_calc_lam_glm(grads, grads_hat, grads_hat_other, np.eye(1), coord=None, clip=True))
    low, high = ppi_py.ppi_mean_ci(y, f, other, alpha=0.05, lam=tuned)
    point = ppi_py.ppi_mean_pointestimate(y, f, other, lam=tuned)
    return {
        "y": y.tolist(), "f": f.tolist(), "other": other.tolist(), "lambda": tuned,
        "point": float(np.squeeze(point)), "lower": float(np.squeeze(low)), "upper": float(np.squeeze(high)),
    }


def aipw_case(n_total, slope):
    """Unequal probabilities: the pseudo-outcomes of every answer, written out."""
    f = np.round(rng.beta(2, 2, n_total), 4)
    y = np.round(np.clip(f + rng.normal(0, 0.2, n_total), 0, 1), 4)
    pi = np.round(0.05 + 0.3 * rng.random(n_total), 4)
    judged = rng.random(n_total) < pi
    w = judged / pi
    c = np.sum(w * (y - slope * f)) / np.sum(w)
    model = c + slope * f
    z = model + w * (y - model)
    return {
        "y": y[judged].tolist(), "f": f[judged].tolist(), "pi": pi[judged].tolist(), "all_f": f.tolist(),
        "lambda": slope, "mean": float(z.mean()), "standard_error": float(z.std(ddof=1) / np.sqrt(n_total)),
        "horvitz_thompson": float(np.sum(w * y) / n_total),
        "horvitz_thompson_error": float((w * y).std(ddof=0) / np.sqrt(n_total)),
    }


def quantile_case(n, q):
    x = np.round(rng.gamma(2.0, 1.0, n), 4)
    interval = stats.quantile_test(x, q=0.0, p=q).confidence_interval(0.95)
    ends = [None if not np.isfinite(end) else float(end) for end in (interval.low, interval.high)]
    return {"x": x.tolist(), "q": q, "lower": ends[0], "upper": ends[1]}


golden = {
    "versions": {name: importlib.metadata.version(name) for name in ("ppi-python", "scipy", "numpy")},
    "ppi": [ppi_case(60, 300, 0.1), ppi_case(200, 500, 0.25), ppi_case(400, 400, 0.15)],
    "aipw": [aipw_case(600, 0.0), aipw_case(600, 0.7), aipw_case(600, 1.0)],
    "quantiles": [quantile_case(*case) for case in ((60, 0.5), (200, 0.9), (100, 0.99), (300, 0.05), (12, 0.5))],
}
path = pathlib.Path(__file__).with_name("estimation.json")
path.write_text(json.dumps(golden, separators=(",", ":")) + "\n")
print(golden["versions"], path.stat().st_size, "bytes")
