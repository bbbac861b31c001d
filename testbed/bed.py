"""Shared pieces of the test bed: where things are installed, how children are started and how they end.

Contract of every script that starts a server:
  * stdout carries one line, "READY {JSON object of addresses}", once the server answers; all else goes to stderr;
  * the script then stays in the foreground; SIGTERM, SIGINT or (with --watch-stdin) end of stdin stops it and its children;
  * exit 0 = stopped on request, 1 = failed, 77 = cannot run on this system.
"""
import argparse, contextlib, ctypes, fcntl, json, os, pathlib, random, shutil, signal, socket, subprocess, sys, tempfile
import threading, time, urllib.error, urllib.request

# Beside the build by default, wherever the caller stands: tests run in the folders of their crates.
ROOT = pathlib.Path(os.environ.get("BIFOCAL_TESTBED") or pathlib.Path(__file__).parent.parent / "target/testbed").absolute()
HOST = "127.0.0.1"
children = []


def log(text):
    print(f"testbed: {text}", file=sys.stderr, flush=True)


def fail(text, code=1):
    log(text)
    sys.exit(code)


def skip(text):
    fail(f"skipped: {text}", 77)


def arguments(doc, *ports):
    """A parser with the options that all scripts share, plus one option for each port."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--install", action="store_true", help="install what is missing, then exit")
    parser.add_argument("--watch-stdin", action="store_true", help="stop when standard input closes, so that a harness that dies takes this with it")
    for port in ports:
        parser.add_argument(f"--{port}", type=int, default=0, metavar="N", help="loopback port (default: a free one)")
    return parser


def port(wanted=0):
    """The wanted port, or a free one below the range that outgoing connections use."""
    for number in [wanted] if wanted else random.sample(range(20000, 30000), 200):
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                s.bind((HOST, number))
                return number
    fail(f"port {wanted} is in use" if wanted else "no free port")


@contextlib.contextmanager
def lock(name):
    """One installation of a component at a time, across processes."""
    ROOT.mkdir(parents=True, exist_ok=True)
    with open(ROOT / f".{name}.lock", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def call(command, **options):
    """Run a command to its end with its output on stderr."""
    return subprocess.run([str(part) for part in command], stdin=subprocess.DEVNULL, stdout=sys.stderr, **options).returncode


def venv(name, *packages, no_deps=(), then=None):
    """The bin folder of a private virtual environment that holds just these packages; `then` may add to it."""
    home, wanted = ROOT / name, " ".join([*packages, "--no-deps", *no_deps])
    stamp = home / "installed.txt"
    with lock(name):
        if not stamp.exists() or stamp.read_text() != wanted:
            log(f"installing {' '.join([*packages, *no_deps])} into {home}")
            began = time.time()
            shutil.rmtree(home, ignore_errors=True)
            if call([sys.executable, "-m", "venv", home]):
                skip("python3 cannot make a virtual environment (on Debian: apt-get install python3-venv)")
            pip = [home / "bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--prefer-binary"]
            for chosen in [*packages], ["--no-deps", *no_deps]:
                if chosen not in ([], ["--no-deps"]) and call(pip + chosen):
                    fail(f"pip could not install {' '.join(chosen)}")
            if then:
                then(home / "bin")
            stamp.write_text(wanted)
            log(f"installed {name} in {time.time() - began:.0f} s")
    return home / "bin"


def debian(program, package):
    """A program from PATH, else from a Debian package unpacked under ROOT (nothing is installed system-wide, no service starts)."""
    path = shutil.which(program, path=os.environ.get("PATH", os.defpath) + ":/usr/sbin")
    if path:
        return path
    home = ROOT / "debian" / package
    with lock(package):
        if not home.exists():
            if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
                skip(f"{program} is not on PATH and this is no Debian system: install the package {package} by hand")
            log(f"unpacking Debian's {package} into {home}")
            home.parent.mkdir(exist_ok=True)
            with tempfile.TemporaryDirectory(dir=home.parent) as folder:
                download = ["apt-get", "download", "--quiet", package]
                if call(download, cwd=folder) and (os.geteuid() or call(["apt-get", "update", "--quiet"]) or call(download, cwd=folder)):
                    skip(f"apt-get could not download {package} (as root: apt-get update)")
                unpacked = pathlib.Path(folder, "unpacked")
                for file in pathlib.Path(folder).glob("*.deb"):
                    if call(["dpkg-deb", "-x", file, unpacked]):
                        fail(f"could not unpack {file.name}")
                unpacked.rename(home)
    found = [*home.glob(f"usr/bin/{program}"), *home.glob(f"usr/sbin/{program}")]
    return str(found[0]) if found else skip(f"the package {package} has no {program}")


def scratch(name):
    """A folder for one run's data, removed at the end."""
    (ROOT / "run").mkdir(parents=True, exist_ok=True)
    folder = pathlib.Path(tempfile.mkdtemp(prefix=f"{name}-", dir=ROOT / "run"))
    children.append(folder)
    return folder


def start(command, **env):
    """Start a child that the kernel kills when this process dies."""
    libc = ctypes.CDLL(None)
    process = subprocess.Popen(
        [str(part) for part in command], stdin=subprocess.DEVNULL, stdout=sys.stderr, env={**os.environ, **env},
        start_new_session=True, preexec_fn=lambda: libc.prctl(1, signal.SIGKILL))
    children.append(process)
    return process


def get(url):
    """The status and body of a GET; status 0 when there is no answer."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()
    except OSError:
        return 0, b""


def until(what, test, seconds=60):
    """Wait for a test to hold; fail when a child ends first or time runs out."""
    end = time.time() + seconds
    while not test():
        if time.time() > end:
            finish(f"{what} did not come up in {seconds} s")
        if any(p.poll() is not None for p in processes()):
            finish(f"{what} ended while starting")
        time.sleep(0.05)


def listening(number):
    with socket.socket() as s:
        s.settimeout(1)
        return s.connect_ex((HOST, number)) == 0


def processes():
    return [c for c in children if isinstance(c, subprocess.Popen)]


def finish(error=None):
    """Stop the children, remove their data and exit."""
    for process in processes():
        process.terminate()
    for process in processes():
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # whatever it started and left
    for folder in children:
        if isinstance(folder, pathlib.Path):
            shutil.rmtree(folder, ignore_errors=True)
    if error:
        log(error)
    sys.stderr.flush()
    os._exit(1 if error else 0)


def handle_stop(options):
    """Stop on SIGTERM, SIGINT and, when asked, at the end of standard input."""
    for number in signal.SIGTERM, signal.SIGINT:
        signal.signal(number, lambda *_: finish())
    if options.watch_stdin:
        def watch():
            while os.read(0, 4096):
                pass
            os.kill(os.getpid(), signal.SIGTERM)
        threading.Thread(target=watch, daemon=True).start()


def ready(**values):
    """Say where the servers are, then stay until all children have ended or a stop comes."""
    print("READY", json.dumps(values, default=str), flush=True)
    while not processes() or any(p.poll() is None for p in processes()):
        time.sleep(0.2)
    finish("all servers have ended")
