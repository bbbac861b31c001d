#!/usr/bin/env -S python3 -B
"""Files of Data Capture until they are queryable and durable, beside reading them alone and beside loading them into DuckDB.

The files hold questions and answers of AlpacaEval and WildBench (`BIFOCAL_SHARED`; exits with 77 without it) as chat completions, in
the form of SageMaker's records, 3 KB each. In each round, in changing order:

* Bifocal: `bifocal backfill` into an empty data folder, once with `--without-evaluators` and once with all of them. Every call is
  parsed, redacted, joined to its target, in the journal behind an fsync, in roll-ups, and in sealed segments at the end. CPU time is
  user + system time of the whole process, its start among it.
* parse-only: the JSON library (serde_json) alone on the same lines, into structs that borrow, payloads included; in memory.
* DuckDB: `CREATE TABLE … AS SELECT * FROM read_json(…)` into a file, then CHECKPOINT, two threads; CPU time is that of the process
  from the statement on, without its start and import. Payloads stay text there; the second figure also takes prompt, answer and
  tokens out of them, as Bifocal does.

What was stored is compared with what was written. Printed are minimum, median and maximum of the ratios of each round.
"""
import argparse, gzip, json, os, pathlib, resource, shutil, statistics, subprocess, sys, tempfile, time, uuid

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "testbed"))
import bed

GOAL_PARSE, GOAL_DUCKDB = 0.30, 2.0
LINES_OF_A_FILE = 1_000


def example(package, name):
    """An example, built in release."""
    if bed.call(["cargo", "build", "--release", "--package", package, "--example", name], cwd=ROOT):
        bed.fail(f"cargo did not build the example {name}")
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target")
    return target / "release/examples" / name


def texts():
    """Questions and answers."""
    shared = os.environ.get("BIFOCAL_SHARED")
    if not shared:
        bed.skip("no shared data (BIFOCAL_SHARED)")
    read = lambda name: map(json.loads, gzip.open(pathlib.Path(shared, "data", name), "rt"))
    prompts = {row["prompt_id"]: row["prompt"] for row in read("alpaca_prompts.jsonl.gz")}
    rows = [(prompts[row["prompt_id"]], row["response"]) for row in read("alpaca_responses.jsonl.gz")]
    questions = [question for question, _ in rows]
    rows += [(questions[i % len(questions)], row["response"]) for i, row in enumerate(read("wildbench_scores.jsonl.gz"))]
    return [(question, answer) for question, answer in rows if answer.strip()]


def record(n, question, answer):
    request = {"model": "qwen", "messages": [{"role": "system", "content": "Answer as well as you can."},
               {"role": "user", "content": question}], "max_tokens": 1024, "temperature": 0.7}
    usage = {"prompt_tokens": len(question) // 4, "completion_tokens": len(answer) // 4, "total_tokens": (len(question) + len(answer)) // 4}
    choice = {"index": 0, "message": {"role": "assistant", "content": answer}, "finish_reason": "stop"}
    response = {"id": f"chatcmpl-{n}", "object": "chat.completion", "created": 1764000000 + n // 50, "model": "qwen",
                "choices": [choice], "usage": usage}
    side = lambda mode, body: {"observedContentType": "application/json", "mode": mode, "data": json.dumps(body), "encoding": "JSON"}
    seconds = n // 50
    at = f"2026-11-24T{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}Z"
    event = uuid.uuid5(uuid.NAMESPACE_OID, str(n))
    return {"captureData": {"endpointInput": side("INPUT", request), "endpointOutput": side("OUTPUT", response)},
            "eventMetadata": {"eventId": str(event), "inferenceTime": at}, "eventVersion": "0"}


def write(folder, lines):
    """Files of a thousand lines under the hours of their calls."""
    rows = texts()
    files = []
    for first in range(0, lines, LINES_OF_A_FILE):
        place = folder / f"llm-prod/AllTraffic/2026/11/24/{first // 50 // 3600:02}"
        place.mkdir(parents=True, exist_ok=True)
        files.append(place / f"{first:08}.jsonl")
        made = (record(n, *rows[n % len(rows)]) for n in range(first, min(first + LINES_OF_A_FILE, lines)))
        files[-1].write_text("".join(json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n" for row in made))
    return files


def children(command, **options):
    """Output, processor seconds and seconds of a process."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run([str(part) for part in command], check=True, capture_output=True, text=True, **options)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return done.stdout, spent, time.perf_counter() - began


def stored(binary, folder, files, *flags):
    data = folder / "data"
    shutil.rmtree(data, ignore_errors=True)
    command = [binary, "--format", "json", "backfill", "--data", data, *flags, files]
    said, spent, took = children(command)
    return json.loads(said)["stored"], spent, took


def loaded(folder, files, taken_apart):
    """In a process of its own: DuckDB's threads end with it."""
    command = [sys.executable, "-B", __file__, "--load", files, "--into", folder / "load.duckdb"]
    said, _, _ = children(command + (["--taken-apart"] if taken_apart else []))
    said = json.loads(said)
    return said["rows"], said["cpu"], said["seconds"]


def load(files, into, taken_apart):
    import duckdb
    pathlib.Path(into).unlink(missing_ok=True)
    connection = duckdb.connect(into, config={"threads": 2})
    pattern = f"{files}/**/*.jsonl"
    source = f"read_json('{pattern}', format = 'newline_delimited')"
    columns = "*"
    if taken_apart:
        columns = """eventMetadata.eventId AS id, eventMetadata.inferenceTime AS time,
            json_extract_string(captureData.endpointInput.data, '$.messages[#-1].content') AS prompt,
            json_extract_string(captureData.endpointOutput.data, '$.choices[0].message.content') AS answer,
            json_extract_string(captureData.endpointOutput.data, '$.choices[0].finish_reason') AS finish_reason,
            CAST(json_extract(captureData.endpointOutput.data, '$.usage.prompt_tokens') AS INTEGER) AS tokens_in,
            CAST(json_extract(captureData.endpointOutput.data, '$.usage.completion_tokens') AS INTEGER) AS tokens_out"""
    cpu, began = time.process_time(), time.perf_counter()
    connection.execute(f"CREATE TABLE calls AS SELECT {columns} FROM {source}")
    connection.execute("CHECKPOINT")
    cpu, seconds = time.process_time() - cpu, time.perf_counter() - began
    rows = connection.execute("SELECT count(*) FROM calls").fetchone()[0]
    print(json.dumps({"rows": rows, "cpu": cpu, "seconds": seconds}))


def ratios(name, above, below, goal):
    found = [a / b for a, b in zip(above, below)]
    goal = f"; goal {goal:g}x" if goal else ""
    print(f"{name}: {statistics.median(found):.2f}x (minimum {min(found):.2f}x, maximum {max(found):.2f}x{goal})")


def measure(options):
    binary, parser_ = os.environ["BIFOCAL_BIN"], options.program
    with tempfile.TemporaryDirectory(dir=options.dir) as folder:
        folder = pathlib.Path(folder)
        files = folder / "files"
        listed = write(files, options.lines)
        size = sum(path.stat().st_size for path in listed)
        print(f"{options.lines:,} calls in {len(listed)} files, {size / 1e6:.0f} MB, {size / options.lines:,.0f} bytes each")
        rates = {name: [] for name in ["off", "on", "typed", "tree", "own", "duckdb", "apart"]}
        walls = {name: [] for name in ["off", "on", "duckdb", "apart"]}

        def bifocal(name, *flags):
            count, spent, took = stored(binary, folder, files, *flags)
            if count != options.lines:
                bed.fail(f"bifocal stored {count} of {options.lines} calls")
            rates[name].append(size / 1e6 / spent)
            walls[name].append(size / 1e6 / took)

        def duckdb(name, taken_apart):
            count, spent, took = loaded(folder, files, taken_apart)
            if count != options.lines:
                bed.fail(f"duckdb loaded {count} of {options.lines} calls")
            rates[name].append(size / 1e6 / spent)
            walls[name].append(size / 1e6 / took)

        def parse():
            said, _, _ = children([parser_, *listed])
            said = json.loads(said)
            if said["lines"] != options.lines:
                bed.fail(f"{said['lines']} of {options.lines} lines were parsed")
            for name in ["typed", "tree", "own"]:
                rates[name].append(size / 1e6 / said[name])

        steps = [lambda: bifocal("off", "--without-evaluators"), parse, lambda: duckdb("duckdb", False),
                 lambda: bifocal("on"), lambda: duckdb("apart", True)]
        for number in range(options.rounds):
            for at in range(len(steps)):
                steps[(at + number) % len(steps)]()
            bed.log(f"round {number + 1} of {options.rounds}: " + ", ".join(f"{name} {rates[name][-1]:.0f}" for name in rates))
    print(f"load average: {os.getloadavg()[0]:.1f}")
    names = {"off": "bifocal, evaluators off", "on": "bifocal, evaluators on", "typed": "serde_json, typed", "tree": "serde_json, trees",
             "own": "bifocal's reader alone", "duckdb": "duckdb, payloads as text", "apart": "duckdb, payloads taken apart"}
    for name, text in names.items():
        values = rates[name]
        wall = f"; {statistics.median(walls[name]):,.0f} MB a second of the clock" if name in walls else ""
        print(f"  {text:30} {min(values):7,.0f} {statistics.median(values):7,.0f} {max(values):7,.0f} MB per CPU second{wall}")
    ratios("capture vs parse-only", rates["off"], rates["typed"], GOAL_PARSE)
    ratios("capture vs duckdb", rates["off"], rates["duckdb"], GOAL_DUCKDB)
    ratios("capture vs duckdb, payloads taken apart", rates["off"], rates["apart"], None)
    ratios("capture vs duckdb, seconds of the clock", walls["off"], walls["duckdb"], None)
    ratios("evaluators on vs off", rates["on"], rates["off"], None)


def each(evaluators):
    """What each evaluator costs on these texts."""
    rows = texts()[::11][:2_000]
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as file:
        file.write("".join(json.dumps({"question": q, "answer": a}) + "\n" for q, a in rows))
        file.flush()
        said = json.loads(children([evaluators, file.name, "3"])[0])
    for name, seconds in sorted(said["each_seconds"].items(), key=lambda item: -item[1]):
        print(f"  {name:20} {1e6 * seconds / said['answers']:7.2f} us an answer, alone")
    print(f"  {'all of them':20} {1e6 * said['all_seconds'] / said['answers']:7.2f} us an answer")


parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--rounds", type=int, default=5)
parser.add_argument("--lines", type=int, default=40_000)
parser.add_argument("--dir", help="where files and stores are made (default: the folder for temporary files)")
parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
parser.add_argument("--program", help=argparse.SUPPRESS)
parser.add_argument("--evaluators", help=argparse.SUPPRESS)
parser.add_argument("--load", help=argparse.SUPPRESS)
parser.add_argument("--into", help=argparse.SUPPRESS)
parser.add_argument("--taken-apart", action="store_true", help=argparse.SUPPRESS)
options = parser.parse_args()
if options.load:
    load(options.load, options.into, options.taken_apart)
elif options.inside:
    measure(options)
    each(options.evaluators)
else:
    texts()
    python = bed.venv("duckdb", "duckdb==2.0.0") / "python"
    command = [python, "-B", __file__, "--inside", "--rounds", options.rounds, "--lines", options.lines]
    command += ["--dir", options.dir] if options.dir else []
    command += ["--program", example("bifocal-wire", "capture_parse"), "--evaluators", example("bifocal-evaluate", "evaluators")]
    sys.exit(subprocess.run([str(part) for part in command]).returncode)
