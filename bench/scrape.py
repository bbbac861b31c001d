#!/usr/bin/env -S python3 -B
"""Samples of scraped metrics pages per CPU second, from the text to readings in canonical units.

Recorded pages of vLLM 0.32, as of eight engines, and a page of the DCGM exporter are read alternately, counters and
histograms included. CPU time is user + system time of the whole process, its start among it. Printed is one line, above
1: better than the goal. BIFOCAL_BIN is not used: the reader is measured in a process of its own.
"""
import argparse, json, os, pathlib, resource, subprocess

GOAL = 1e6

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--pages", type=int, default=2000)
parser.add_argument("--rounds", type=int, default=5)
options = parser.parse_args()
root = pathlib.Path(__file__).resolve().parent.parent
built = subprocess.run(
    [os.environ.get("CARGO", "cargo"), "build", "--quiet", "--release", "--package", "bifocal-infra", "--example", "scrape",
     "--message-format", "json"], cwd=root, check=True, capture_output=True, text=True)
binary = next(m["executable"] for m in map(json.loads, built.stdout.splitlines())
              if m.get("executable") and m["target"]["name"] == "scrape")
rates = []
for _ in range(options.rounds):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    run = subprocess.run([binary, str(options.pages)], check=True, capture_output=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    rates.append(json.loads(run.stdout)["samples"] / seconds)
best = max(rates)
print(f"scraped samples per CPU second vs the goal of {GOAL:,.0f}: {best / GOAL:.2f}x "
      f"({min(rates):,.0f} to {best:,.0f} in {len(rates)} rounds)")
