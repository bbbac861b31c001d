#!/usr/bin/env -S python3 -B
"""Seconds from the start of `bifocal serve` to ready, and its memory when idle, without the demo.

Each round starts the binary on an empty data folder with an upstream that is not there, asks /readyz every millisecond
until it answers 200, waits until the process is quiet and reads its proportional set size. Printed are minimum, median
and maximum, and one line for each goal, above 1: Bifocal is better than the goal.

BIFOCAL_BIN names the binary (`cargo xtask bench startup` sets it).
"""
import argparse, os, pathlib, statistics, subprocess, sys, tempfile, time, urllib.error, urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "testbed"))
import bed

GOAL_SECONDS, GOAL_MB = 0.2, 40.0


def ready(port):
    try:
        return urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=1).status == 200
    except (OSError, urllib.error.HTTPError):
        return False


def memory_mb(pid):
    """Proportional set size: shared pages are divided among those who share them."""
    lines = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def one(binary):
    page, proxy = bed.port(), bed.port()
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        process = subprocess.Popen(
            [binary, "serve", "--upstream", "http://127.0.0.1:9", "--data", folder,
             "--listen", f"127.0.0.1:{page}", "--proxy-listen", f"127.0.0.1:{proxy}"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            while not ready(page):
                if process.poll() is not None:
                    bed.fail(f"bifocal ended with {process.returncode} while starting")
                time.sleep(0.001)
            seconds = time.perf_counter() - began
            time.sleep(3)
            return seconds, memory_mb(process.pid)
        finally:
            process.terminate()
            process.wait(20)


parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--rounds", type=int, default=7)
options = parser.parse_args()
results = [one(os.environ["BIFOCAL_BIN"]) for _ in range(options.rounds)]
for name, unit, values, goal in [
    ("start to ready", "s", [seconds for seconds, _ in results], GOAL_SECONDS),
    ("idle memory", "MB", [mb for _, mb in results], GOAL_MB),
]:
    low, middle, high = min(values), statistics.median(values), max(values)
    print(f"{name}: {low:.3g}, {middle:.3g}, {high:.3g} {unit} (minimum, median, maximum of {len(values)})")
    print(f"{name} vs the goal of {goal:g} {unit}: {goal / middle:.1f}x")
