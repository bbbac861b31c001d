#!/usr/bin/env -S python3 -B
"""CPU time of drift on five numeric columns: Bifocal's sketches beside Evidently, in one interleaved run.

Both get the same rows and give the same three tests for each column: Kolmogorov-Smirnov, Wasserstein and the population
stability index. Bifocal's share is the whole process: start, reading the two files, sketches, distances, and a bootstrap p-value of
the index, which Evidently does not have. Evidently's share is `Report.run` alone, on data frames that are in memory,
without its import. Each round draws new rows. What the sketches say is compared with the exact values from SciPy and NumPy, and a
difference above 1% fails the run.

Evidently 0.7.23 (with pandas below 2.3) is installed into the test bed. The example of `bifocal-stats` is built in release.
"""
import argparse, json, os, pathlib, subprocess, sys, tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "testbed"))
import bed

ERROR_MAX = 0.01
GOAL = 50.0


def built():
    """The example, built in release."""
    if bed.call(["cargo", "build", "--release", "--package", "bifocal-stats", "--example", "drift_columns"], cwd=ROOT):
        bed.fail("cargo did not build the example drift_columns")
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target")
    return target / "release/examples/drift_columns"


def columns(numpy, random, rows, moved):
    """Latencies, a narrow band, token counts, shares with many zeros, signed values."""
    normal = lambda: random.normal(size=rows)
    share = numpy.where(random.random(rows) < (0.36 if moved else 0.30), 0.0, random.random(rows) ** 2)
    return {
        "latency": numpy.exp(0.9 * normal() + (0.1 if moved else 0.0)),
        "narrow": (1002.0 if moved else 1000.0) + 10.0 * normal(),
        "count": numpy.round((240.0 if moved else 200.0) * numpy.exp(0.8 * normal())),
        "share": share,
        "signed": (0.1 if moved else 0.0) + (1.05 if moved else 1.0) * normal(),
    }


def exact(numpy, stats, reference, window):
    bounds = numpy.unique(numpy.sort(reference)[[k * len(reference) // 10 - 1 for k in range(1, 10)]])
    counts = lambda x: numpy.bincount(numpy.searchsorted(bounds, x, side="left"), minlength=len(bounds) + 1) + 0.5
    p, q = counts(reference), counts(window)
    p, q = p / p.sum(), q / q.sum()
    return {
        "ks": float(stats.ks_2samp(reference, window, method="asymp").statistic),
        "wasserstein": float(stats.wasserstein_distance(reference, window)),
        "psi": float(((q - p) * numpy.log(q / p)).sum()),
    }


def measure(program, rows, rounds):
    """Runs inside the environment that has Evidently."""
    import resource, statistics, time
    import numpy, pandas
    from scipy import stats
    from evidently import Report
    from evidently.metrics import ValueDrift

    def children():
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime

    ours, theirs, worst = [], [], 0.0
    for number in range(rounds + 1):
        random = numpy.random.default_rng(number)
        reference, window = columns(numpy, random, rows, False), columns(numpy, random, rows, True)

        def bifocal():
            with tempfile.TemporaryDirectory() as folder:
                paths = [pathlib.Path(folder, name) for name in ("reference", "window")]
                for path, side in zip(paths, (reference, window)):
                    numpy.concatenate(list(side.values())).astype("<f8").tofile(path)
                before = children()
                out = subprocess.run([program, str(len(reference)), *paths], check=True, capture_output=True).stdout
                return children() - before, [json.loads(line) for line in out.splitlines()]

        def evidently():
            frames = pandas.DataFrame(window), pandas.DataFrame(reference)
            tests = [ValueDrift(column=name, method=test) for name in reference for test in ("ks", "wasserstein", "psi")]
            before = time.process_time()
            result = Report(tests).run(*frames).dict()
            return time.process_time() - before, result

        # Whoever goes first changes every round.
        if number % 2:
            (cpu, found), (other, result) = bifocal(), evidently()
        else:
            (other, result), (cpu, found) = evidently(), bifocal()
        assert len(result["metrics"]) == 3 * len(reference)
        for (name, column), found in zip(reference.items(), found):
            for test, value in exact(numpy, stats, column, window[name]).items():
                error = abs(found[test] - value) / value
                worst = max(worst, error)
                if error > ERROR_MAX:
                    bed.fail(f"{test} of {name}: {found[test]:.6g}, exact {value:.6g}: off by {error:.2%}")
        if number == 0:
            continue  # warm-up
        ours.append(cpu)
        theirs.append(other)
        bed.log(f"round {number} of {rounds}: bifocal {cpu * 1e3:.1f} ms, evidently {other * 1e3:.0f} ms")
    ratios = [b / max(a, 1e-6) for a, b in zip(ours, theirs)]
    for name, seconds in [("bifocal", ours), ("evidently", theirs)]:
        rate = sorted(2 * rows / s for s in seconds)
        print(f"{name}: {rate[0]:,.0f}, {statistics.median(rate):,.0f}, {rate[-1]:,.0f} rows of 5 columns per CPU second "
              f"(minimum, median, maximum of {rounds})")
    print(f"largest error against exact values: {worst:.2%}")
    print(f"load average: {os.getloadavg()[0]:.1f}")
    print(f"drift vs evidently: {statistics.median(ratios):.0f}x (minimum {min(ratios):.0f}x; goal {GOAL:.0f}x)")


parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--rounds", type=int, default=5)
parser.add_argument("--rows", type=int, default=50_000, help="rows of the reference, and of the window")
parser.add_argument("--program", help=argparse.SUPPRESS)
options = parser.parse_args()
if options.program:
    measure(options.program, options.rows, options.rounds)
else:
    python = bed.venv("evidently", "evidently==0.7.23", "pandas<2.3") / "python"
    command = [python, "-B", __file__, "--program", built(), "--rounds", options.rounds, "--rows", options.rows]
    sys.exit(subprocess.run([str(part) for part in command]).returncode)
