#!/usr/bin/env -S python3 -B
"""Processor time of the evaluators on real texts, and of the descriptors that Evidently has too, in one interleaved run.

The texts are answers of AlpacaEval and WildBench between 1 and 4 kB (`BIFOCAL_SHARED`; exits with 77 without it). JSON is said to
have been asked for, so that every evaluator on text runs. Bifocal's time is its own measure of its processor time, without start and
reading; Evidently's is that of `Dataset.add_descriptors` on a frame in memory, without its import. Descriptors of both: TextLength,
WordCount, SentenceCount, NonLetterCharacterPercentage, IsValidJSON, Contains (phrases). What both say of each text is compared.

Evidently 0.7.23 (with pandas below 2.3) is installed into the test bed. The example of `bifocal-evaluate` is built in release.
`--golden FILE` writes what Evidently says of made-up texts: the golden values of the tests.
"""
import argparse, gzip, json, os, pathlib, subprocess, sys, tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "testbed"))
import bed

GOAL_PER_SECOND = 20_000
GOAL_EVIDENTLY = 10.0
PHRASES = ["I can't assist", "I cannot assist", "I'm sorry, but I can't", "I must decline"]
GOLDEN = [
    " ", "One.", "Two sentences. Here!", "Is it? Yes... no", "{\"a\": 1}", "[1, 2", "7", "null", "e.g. 3.14 is pi",
    "naïve café — “quoted” text", "under_score and-hyphen don't", "a\nb\n\nc", "中文字。没有空格", "tab\tand  two blanks",
    "!!!", "...", "I'm sorry, but I can't do that.", "🙂 smile 🙂", "A1 b2 C3", "  leading and trailing.  ", "x = [1, 2, 3]; y = {}",
    "```json\n{}\n```", "Mr. Smith went to Washington, D.C. He left.", "line one\r\nline two",
]


def built():
    """The example, built in release."""
    if bed.call(["cargo", "build", "--release", "--package", "bifocal-evaluate", "--example", "evaluators"], cwd=ROOT):
        bed.fail("cargo did not build the example evaluators")
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target")
    return target / "release/examples/evaluators"


def texts(most):
    """Questions and answers, every so many of those that have the length, so that all models are among them."""
    shared = os.environ.get("BIFOCAL_SHARED")
    if not shared:
        bed.skip("no shared data (BIFOCAL_SHARED)")
    read = lambda name: map(json.loads, gzip.open(pathlib.Path(shared, "data", name), "rt"))
    prompts = {row["prompt_id"]: row["prompt"] for row in read("alpaca_prompts.jsonl.gz")}
    rows = [(prompts[row["prompt_id"]], row["response"]) for row in read("alpaca_responses.jsonl.gz")]
    rows += [("", row["response"]) for row in read("wildbench_scores.jsonl.gz")]
    rows = [row for row in rows if 1_000 <= len(row[1].encode()) <= 4_000]
    return rows[:: max(1, len(rows) // most)][:most]


def described(rows):
    """What Evidently says, and the processor seconds that it took."""
    import time, warnings
    warnings.filterwarnings("ignore")
    import pandas
    from evidently import DataDefinition, Dataset
    from evidently.descriptors import Contains, IsValidJSON, NonLetterCharacterPercentage, SentenceCount, TextLength, WordCount

    frame = pandas.DataFrame({"answer": rows})
    dataset = Dataset.from_pandas(frame, data_definition=DataDefinition(text_columns=["answer"]))
    made = [
        TextLength("answer", alias="characters"), WordCount("answer", alias="words"), SentenceCount("answer", alias="sentences"),
        NonLetterCharacterPercentage("answer", alias="non_letter"), IsValidJSON("answer", alias="is_json"),
        Contains("answer", items=PHRASES, alias="refuses"),
    ]
    before = time.process_time()
    dataset.add_descriptors(made)
    spent = time.process_time() - before
    said = dataset.as_dataframe()[["characters", "words", "sentences", "non_letter", "is_json"]]
    return said.values.tolist(), spent


def measure(program, rounds, most):
    import statistics
    rows = texts(most)
    ours, shared, theirs, result = [], [], [], None
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as file:
        file.write("".join(json.dumps({"question": q, "answer": a}) + "\n" for q, a in rows))
        file.flush()
        for number in range(rounds + 1):
            steps = [
                lambda: json.loads(subprocess.run([program, file.name, "3"], check=True, capture_output=True).stdout),
                lambda: described([answer for _, answer in rows]),
            ]
            # Whoever goes first changes every round.
            found = {at: steps[at]() for at in ((0, 1) if number % 2 else (1, 0))}
            result, (said, spent) = found[0], found[1]
            for (question, answer), mine, other in zip(rows, result["descriptors"], said):
                if [round(float(x), 6) for x in mine] != [round(float(x), 6) for x in other]:
                    bed.fail(f"bifocal {mine}, evidently {other}: {answer[:200]!r}")
            if number == 0:
                continue  # warm-up
            ours.append(result["answers"] / result["all_seconds"])
            shared.append(result["answers"] / result["descriptors_seconds"])
            theirs.append(len(rows) / spent)
            bed.log(f"round {number} of {rounds}: {ours[-1]:,.0f} answers per core second; evidently {theirs[-1]:,.0f}")
    print(f"{len(rows):,} answers, {result['bytes'] / len(rows):,.0f} bytes each (1 to 4 kB)")
    for name, seconds in sorted(result["each_seconds"].items(), key=lambda item: -item[1]):
        print(f"  {name:20} {1e6 * seconds / result['answers']:7.2f} us an answer, alone (it takes the text apart for itself)")
    for kib, micros in sorted(result["microseconds_by_kib"].items(), key=lambda item: int(item[0])):
        print(f"  {int(kib):6} KiB answer: {micros:10,.0f} us, {micros / int(kib):6.1f} us a KiB")
    print(f"load average: {os.getloadavg()[0]:.1f}")
    median = statistics.median(ours)
    print(f"all default evaluators: {min(ours):,.0f}, {median:,.0f}, {max(ours):,.0f} answers per core second "
          f"(minimum, median, maximum of {rounds}; goal {GOAL_PER_SECOND:,})")
    ratios = [a / b for a, b in zip(shared, theirs)]
    all_ratios = [a / b for a, b in zip(ours, theirs)]
    print(f"the same descriptors: bifocal {statistics.median(shared):,.0f}, evidently {statistics.median(theirs):,.0f} per core second")
    print(f"evaluators vs evidently: {statistics.median(ratios):.0f}x (minimum {min(ratios):.0f}x; goal {GOAL_EVIDENTLY:.0f}x); "
          f"all evaluators vs these descriptors of evidently: {statistics.median(all_ratios):.1f}x")


parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--rounds", type=int, default=5)
parser.add_argument("--texts", type=int, default=2_000)
parser.add_argument("--golden", help="write golden values to this file and end")
parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
parser.add_argument("--program", help=argparse.SUPPRESS)
options = parser.parse_args()
if options.inside and options.golden:
    said, _ = described(GOLDEN)
    rows = [{"text": text, "said": row} for text, row in zip(GOLDEN, said)]
    pathlib.Path(options.golden).write_text("".join(json.dumps(row) + "\n" for row in rows))
elif options.inside:
    measure(options.program, options.rounds, options.texts)
else:
    python = bed.venv("evidently", "evidently==0.7.23", "pandas<2.3") / "python"
    command = [python, "-B", __file__, "--inside", "--rounds", options.rounds, "--texts", options.texts]
    command += ["--golden", options.golden] if options.golden else ["--program", built()]
    sys.exit(subprocess.run([str(part) for part in command]).returncode)
