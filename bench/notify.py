#!/usr/bin/env -S python3 -B
"""Seconds from a rule's condition to its message at a webhook: of the last failed call that makes half of all fail, to the POST.

Each round starts `bifocal serve` on an empty folder before an upstream that answers well and then fails; the rule waits for nothing
(`for = "0s"`). The time contains the journal, the watch's tick, the outbox on disk, and the courier's look. Printed are minimum, median and
maximum, and one line for the goal, above 1: Bifocal is better.

BIFOCAL_BIN names the binary (`cargo xtask bench notify` sets it).
"""
import argparse, http.server, json, os, pathlib, statistics, subprocess, sys, tempfile, threading, time, urllib.error, urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "testbed"))
import bed

GOAL_SECONDS = 5.0
ANSWER = json.dumps({"model": "m", "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Salt is a mineral."}}],
                     "usage": {"prompt_tokens": 5, "completion_tokens": 5}}).encode()


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True


def listening(on_post):
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            status, answer = on_post(body)
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_):
            pass

    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def ask(port):
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": "What is salt?"}]}).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{port}/v1/chat/completions", body, {"content-type": "application/json"})
    try:
        urllib.request.urlopen(request, timeout=10).read()
    except urllib.error.HTTPError as err:
        err.read()


def one(binary):
    fails, arrived = threading.Event(), threading.Event()
    when = []

    def hook(body):
        if json.loads(body)["rule"] == "half fails" and not arrived.is_set():
            when.append(time.perf_counter())
            arrived.set()
        return 200, b"{}"

    upstream = listening(lambda _: (500, b"{}") if fails.is_set() else (200, ANSWER))
    receiver = listening(hook)
    page, proxy = bed.port(), bed.port()
    with tempfile.TemporaryDirectory() as folder:
        config = pathlib.Path(folder) / "bifocal.toml"
        config.write_text(
            f'[server]\nlisten = "127.0.0.1:{page}"\nproxy_listen = "127.0.0.1:{proxy}"\ndata = "{folder}/data"\n'
            f'[[target]]\nname = "m"\nupstream = "http://127.0.0.1:{upstream.server_address[1]}"\nscrape = "off"\n'
            '[[alert]]\nname = "half fails"\nwhen = "value(\'error_ratio\') > 0.5"\nfor = "0s"\nchannels = ["hook"]\n'
            f'[[channel]]\nname = "hook"\nwebhook = "http://127.0.0.1:{receiver.server_address[1]}/"\n')
        process = subprocess.Popen([binary, "serve", "--config", config], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            bed.until("bifocal", lambda: bed.get(f"http://127.0.0.1:{page}/readyz")[0] == 200)
            for _ in range(20):
                ask(proxy)
            fails.set()
            for _ in range(21):
                ask(proxy)
            began = time.perf_counter()
            if not arrived.wait(60):
                bed.fail("no message in a minute")
            return max(0.0, when[0] - began)
        finally:
            process.terminate()
            process.wait(20)
            upstream.shutdown()
            receiver.shutdown()


parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--rounds", type=int, default=9)
options = parser.parse_args()
seconds = [one(os.environ["BIFOCAL_BIN"]) for _ in range(options.rounds)]
low, middle, high = min(seconds), statistics.median(seconds), max(seconds)
print(f"condition to webhook: {low:.2f} / {middle:.2f} / {high:.2f} s (minimum / median / maximum of {options.rounds})")
print(f"notify vs {GOAL_SECONDS:.0f} s: {GOAL_SECONDS / max(high, 1e-9):.1f}x (by the slowest)")
