#!/usr/bin/env -S python3 -B
"""Nanoseconds of one detector update with ten bets, and megabytes of the detectors of 100,000 streams.

Compared with the bare recursion of ten bets (no cut, no onset, no side), the least that any detector of this kind can
cost, and, where it is installed, with confseq's betting confidence sequence on the same 1,000 values and a grid of the same
400 steps. A last word on fairness: confseq computes a whole path at once in NumPy and is made for analysis, not for streams.

A line for each goal, above 1: better than the goal. BIFOCAL_BIN is not used: the detectors are measured inside a process.
"""
import json, os, pathlib, subprocess, time

GOAL_NS, GOAL_MB = 100.0, 60.0

root = pathlib.Path(__file__).resolve().parent.parent
run = subprocess.run(
    [os.environ.get("CARGO", "cargo"), "run", "--quiet", "--release", "--package", "bifocal-stats", "--example", "detectors"],
    cwd=root, check=True, capture_output=True, text=True)
numbers = json.loads(run.stdout)
for name, number in numbers.items():
    print(f"{name}: {number:.1f}")
print(f"detectors vs {GOAL_NS:.0f} ns an update: {GOAL_NS / numbers['one_sided_ns']:.1f}x")
print(f"detectors vs the bare recursion of ten bets: {numbers['bare_recursion_ns'] / numbers['one_sided_ns']:.2f}x")
print(f"100,000 streams, one-sided, vs {GOAL_MB:.0f} MB: {GOAL_MB / numbers['one_sided_mb']:.2f}x")
print(f"100,000 streams, two-sided, vs {GOAL_MB:.0f} MB: {GOAL_MB / numbers['two_sided_mb']:.2f}x")
try:
    import numpy as np
    np.float_ = np.float64
    import warnings
    warnings.simplefilter("ignore")
    from confseq.betting import betting_cs
except ImportError as err:
    print(f"confseq is not here ({err}): not compared")
else:
    values = np.array([(i * 0.6180339887498949 % 1.0) ** 0.4 for i in range(1000)])
    best = float("inf")
    for _ in range(5):
        began = time.perf_counter()
        betting_cs(values, alpha=0.05, breaks=400, trunc_scale=0.75, running_intersection=True)
        best = min(best, (time.perf_counter() - began) * 1e9 / len(values))
    print(f"confseq betting_cs: {best:.0f} ns a value")
    print(f"betting confidence sequence vs confseq: {best / numbers['betting_sequence_ns']:.1f}x")
