#!/usr/bin/env -S python3 -B
"""Alert rules: 10,000 targets x 20 rules, CPU seconds of Bifocal and of Prometheus, in one run.

Bifocal: a whole tick of the watch (state of each target, estimates, 20 CEL rules, alerts, the snapshot) over 250 targets, 40 times;
user + system time of the process, its preparation taken off. Prometheus: 20 rules in one group over the same number of targets, each
of which has the series that the rules ask for, all in memory; the mean of prometheus_rule_group_duration_seconds, which is wall time
of one evaluation on an otherwise idle server and so at most its CPU time on one core. Its rules compare numbers that are there; Bifocal's
hold intervals, detectors and states besides. No sample comes between two looks: what a look costs when each stream's samples change
is the first look of a process, ten times as much.
"""
import argparse, http.server, json, os, pathlib, re, resource, subprocess, threading, time, urllib.request

GOAL = 1.0
TICKS, TARGETS, RULES = 40, 10_000, 20

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--rounds", type=int, default=3)
parser.add_argument("--profile", default="release")
parser.add_argument("--no-peer", action="store_true", help="leave Prometheus out")
options = parser.parse_args()
root = pathlib.Path(__file__).resolve().parent.parent
built = subprocess.run(
    [os.environ.get("CARGO", "cargo"), "build", "--quiet", "--profile", options.profile, "--package", "bifocal-watch", "--example", "rules",
     "--message-format", "json"], cwd=root, check=True, capture_output=True, text=True)
binary = next(m["executable"] for m in map(json.loads, built.stdout.splitlines())
              if m.get("executable") and m["target"]["name"] == "rules")


def cpu(ticks):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    run = subprocess.run([binary, str(ticks)], check=True, capture_output=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, json.loads(run.stdout)


def series(now):
    lines = []
    for name in ("latency", "errors", "quality_upper", "waiting"):
        lines.append(f"# TYPE {name} gauge")
        lines += [f'{name}{{target="m{i}"}} {((i * 7919 + now) % 1000) / 1000}' for i in range(TARGETS)]
    return "\n".join(lines).encode() + b"\n"


def peer():
    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            body = series(int(time.time()))
            self.send_response(200)
            self.send_header("content-type", "text/plain; version=0.0.4")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    # The same shapes: comparisons of one number, and joined ones; few of them hold.
    shapes = ["latency > 0.999", "errors > 0.998", "quality_upper < 0.001",
              "quality_upper < 0.01 and on(target) latency < 0.5 and on(target) waiting > 0.9"]
    rules = [{"alert": f"r{i}", "expr": shapes[i % 4], "for": "5m"} for i in range(RULES)]
    file = root / "target/bench-rules.json"
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps({"groups": [{"name": "bench", "interval": "5s", "rules": rules}]}))
    bed = subprocess.Popen([root / "testbed/prometheus", "--watch-stdin", "--interval", "5s", "--scrape", f"127.0.0.1:{server.server_port}",
                            "--rules", str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        line = bed.stdout.readline()
        if not line.startswith("READY "):
            raise SystemExit(77)
        address = json.loads(line.removeprefix("READY "))["prometheus"]
        time.sleep(40)
        page = urllib.request.urlopen(f"{address}/metrics", timeout=10).read().decode()
        number = lambda name: float(re.search(rf"^{name} (\S+)$", page, re.M)[1])
        return number("prometheus_rule_group_duration_seconds_sum") / number("prometheus_rule_group_duration_seconds_count")
    finally:
        bed.stdin.close()
        bed.wait()
        server.shutdown()


ours = []
for _ in range(options.rounds):
    idle, _ = cpu(0)
    busy, said = cpu(TICKS)
    assert said["targets"] == TARGETS and said["alerts"] > 0, said
    ours.append(busy - idle)
best = min(ours)
print(f"rules, {TARGETS:,} targets x {RULES}: {best:.2f} to {max(ours):.2f} CPU seconds in {len(ours)} rounds, goal {GOAL:.0f} ({said['alerts']} alerts at the end)")
if not options.no_peer:
    theirs = peer()
    print(f"Prometheus, {RULES} rules over as many targets: {theirs:.2f} s an evaluation; Bifocal's tick / that: {best / theirs:.1f}x")
