#!/usr/bin/env -S python3 -B
"""What reading CloudWatch costs for 50 endpoints of 4 components with 8 GPUs each: what the plan predicts, what is counted, and what one
query per series and minute would be billed as.

A simulated account runs for some hours of its own time, twice: without a cap, and with the default one of $10 a month, which
makes looks rarer. AWS bills each series that GetMetricData is asked for, whatever the length of time; counted is what the client
asked for, page by page. Nothing depends on the clock of the machine: two runs give the same numbers. BIFOCAL_BIN is not used.
"""
import argparse, json, os, pathlib, subprocess

GOAL_RATIO, GOAL_SHARE = 5.0, 0.05

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--endpoints", type=int, default=50)
parser.add_argument("--hours", type=int, default=6)
options = parser.parse_args()
root = pathlib.Path(__file__).resolve().parent.parent
built = subprocess.run(
    [os.environ.get("CARGO", "cargo"), "build", "--quiet", "--release", "--package", "bifocal-infra", "--example", "polling",
     "--message-format", "json"], cwd=root, check=True, capture_output=True, text=True)
binary = next(m["executable"] for m in map(json.loads, built.stdout.splitlines())
              if m.get("executable") and m["target"]["name"] == "polling")


def run(hours, *usd):
    done = subprocess.run([binary, str(options.endpoints), str(hours), *map(str, usd)], check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


worst = 0.0
# Capped looks are an hour and more apart: it takes a longer time to tell their number.
for name, hours, usd in [("without a cap", options.hours, []), ("with the cap of $10 a month", 8 * options.hours, [10])]:
    seen = run(hours, *usd)
    print(f"{name}: {seen['series']:,} series every {seen['every_seconds']:,.0f} s, {seen['looks']} looks in {hours} h, "
          f"{seen['readings']:,} readings, ${seen['usd_per_month']:,.2f} a month"
          + (", GPUs of a component as one" if seen["gpus_as_a_whole"] else ""))
    for what in ["calls", "billed"]:
        predicted, counted = seen[f"predicted_{what}"], seen[f"counted_{what}"]
        print(f"  {what}: predicted {predicted:,.0f}, counted {counted:,} ({100 * (counted / predicted - 1):+.1f}%)")
        worst = max(worst, abs(counted / predicted - 1)) if not usd else worst
    print(f"  polling vs one query per series and minute: {seen['billed_each_minute'] / seen['counted_billed']:.2f}x "
          f"fewer billed metrics" + (f" (goal {GOAL_RATIO:.0f}x)" if not usd else ""))
print(f"predicted vs counted: within {100 * worst:.1f}% (goal {100 * GOAL_SHARE:.0f}%)")
