"""A running issuer with throw-away certificates, for the scripts that put load on one. Python 3.9, standard library."""

import json
import os
import pathlib
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

CHECKOUT = pathlib.Path(__file__).resolve().parents[2]
AUDIENCE = "search-svc"


class Failure(Exception):
    """Something that keeps the script from going on; its text says what."""


def say(text):
    """Progress, on standard error."""
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def output(*command, **options):
    """Standard output of a command that has to succeed."""
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)
    if done.returncode != 0:
        raise Failure(f"{' '.join(str(word) for word in command[:4])} exits {done.returncode}: {done.stderr.strip()[-600:]}")
    return done.stdout


def build():
    """The path of the program as docs/guide/production.md builds it."""
    arguments = ["-c", "release", "--static-swift-stdlib"]
    say("building the release program; give --countersign PATH to spare that")
    subprocess.run(["swift", "build", *arguments, "--product", "countersign"], cwd=CHECKOUT, stdout=sys.stderr, check=True)
    folder = output("swift", "build", *arguments, "--show-bin-path", cwd=CHECKOUT).strip()
    return pathlib.Path(folder) / "countersign"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def allow_many_files():
    """As many open files as this user may have. Processes started later may have as many."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return most


class Process:
    """What Linux tells of a process."""

    def __init__(self, pid):
        self.pid = pid

    def _status(self, name):
        for line in pathlib.Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith(name + ":"):
                return int(line.split()[1])
        raise Failure(f"the process {self.pid} has ended")

    @property
    def resident_mib(self):
        return self._status("VmRSS") / 1024

    @property
    def threads(self):
        return self._status("Threads")

    @property
    def files(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))


class Folder:
    """A temporary folder with an authority, certificates, signing keys and configurations. Use it in `with`: it is removed."""

    SERVICES = ["issuer", "user-svc", "search-svc", "denied-svc", "admin"]

    def __init__(self, program):
        self.program = pathlib.Path(program).resolve()
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="countersign-"))
        self.issuers = []

    def __enter__(self):
        # Asked to stop, it cleans up as well.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        try:
            self.countersign("pki", "init", "--dir", "certs", "--trust-domain", "link.internal")
            for service in self.SERVICES:
                self.countersign("pki", "issue", service, "--dir", "certs", "--dns", "localhost")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for issuer in self.issuers:
            issuer.kill()
        shutil.rmtree(self.path, ignore_errors=True)

    def countersign(self, *arguments):
        return output(self.program, *arguments, cwd=self.path)

    def configuration(self, name, more_services=(), keys="", lifetime="5m", longest="1h", top=""):
        """Writes NAME.yaml with signing keys of its own in keys-NAME, and returns its path. Tokens for `long-svc` live longest."""
        keys_folder = f"keys-{name}"
        if not (self.path / keys_folder).exists():
            self.countersign("keys", "init", "--keys", keys_folder)
        path = self.path / f"{name}.yaml"
        with open(f"{path}.new", "w") as file:
            file.write(f"""issuer: https://localhost
listen: 127.0.0.1:0
operations: 127.0.0.1:0
trustDomain: link.internal
tls: {{ certificate: certs/issuer/cert.pem, privateKey: certs/issuer/key.pem, clientCA: certs/ca.pem, crl: certs/crl.pem }}
keys: {{ directory: {keys_folder}{keys} }}
tokens: {{ lifetime: {lifetime}, maxLifetime: {longest} }}
{top}
admins:
  - spiffeID: spiffe://link.internal/service/admin
services:
  - id: user-svc
    spiffeID: spiffe://link.internal/service/user-svc
    audiences:
      search-svc: {{ roles: [reader], scopes: [search:read] }}
      long-svc: {{ lifetime: {longest} }}
  - id: denied-svc
    spiffeID: spiffe://link.internal/service/denied-svc
    audiences: {{ search-svc: {{}} }}
""")
            for service in more_services:
                file.write(f"  - {{id: {service}, spiffeID: spiffe://link.internal/s/{service}}}\n")
        os.replace(f"{path}.new", path)
        return path

    def caller(self, url, audience=AUDIENCE, service="user-svc"):
        """The options that say who asks whom for what."""
        certificates = self.path / "certs"
        return ["--issuer", url, "--cert", certificates / service / "cert.pem", "--key", certificates / service / "key.pem",
                "--ca", certificates / "ca.pem", "--audience", audience]

    def bench(self, mode, url, seconds, *options, core=None, audience=AUDIENCE, judge=True, preload=None):
        """The figures of one run of `countersign bench`. A run with failures is a `Failure`, unless somebody else is the judge."""
        command = [self.program, "bench", mode, *self.caller(url, audience), "--duration", f"{seconds}s", "--json", *options]
        if core is not None:
            command = ["taskset", "-c", core, *command]
        environment = {**os.environ, "LD_PRELOAD": str(preload)} if preload else None
        done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              env=environment)
        if done.returncode != 0 and (judge or not done.stdout):
            raise Failure(f"countersign bench {mode} exits {done.returncode}: {done.stderr.strip()[-600:]}")
        return json.loads(done.stdout)


#: As docs/guide/production.md sets it.
MALLOC = {"GLIBC_TUNABLES": "glibc.malloc.tcache_count=200"}


class Issuer(Process):
    """`countersign serve` as in production, with its log in a file. `cores` as `taskset -c` takes them."""

    def __init__(self, folder, configuration, cores=None, patience=60):
        self.folder = folder
        self.log = configuration.with_suffix(".log")
        command = [folder.program, "serve", "--config", configuration]
        if cores is not None:
            command = ["taskset", "-c", cores, *command]
        with open(self.log, "w") as log:
            # taskset becomes the program: the process is the issuer's.
            self.child = subprocess.Popen([str(word) for word in command], stderr=log, cwd=folder.path, env={**os.environ, **MALLOC})
        super().__init__(self.child.pid)
        folder.issuers.append(self)
        end = time.monotonic() + patience
        while (address := self._address("listening address=https://127.0.0.1:")) is None:
            if self.child.poll() is not None:
                raise Failure(f"the issuer does not start: {self.log.read_text()[-1000:]}")
            if time.monotonic() > end:
                raise Failure(f"the issuer is not ready after {patience} s")
            time.sleep(0.05)
        self.port = int(address)
        self.url = f"https://localhost:{address}"
        self.operations = "http://127.0.0.1:" + self._address("listening for probes address=http://127.0.0.1:")

    def _address(self, words):
        for line in open(self.log, errors="replace"):
            if words in line:
                return line.split(words)[1].strip()
        return None

    def probe(self, path="/readyz"):
        """The status and body of an answer of the operations listener."""
        try:
            with urllib.request.urlopen(self.operations + path, timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def pause(self):
        """Takes the processor away from it."""
        self.child.send_signal(signal.SIGSTOP)

    def resume(self):
        self.child.send_signal(signal.SIGCONT)

    def stop(self, patience=30):
        """Its exit status after SIGTERM."""
        self.child.terminate()
        try:
            return self.child.wait(patience)
        except subprocess.TimeoutExpired:
            raise Failure(f"the issuer does not stop within {patience} s") from None

    def kill(self):
        if self.child.poll() is None:
            self.child.kill()
            self.child.wait()
