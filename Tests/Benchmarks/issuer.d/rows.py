"""What is measured for each row of the table of Tests/Benchmarks/issuer."""

import dataclasses
import json
import os
import re
import shutil
import statistics
import subprocess
import time

import idle as idle_connections
import nginx
from running import Failure, Issuer, output, say

ISSUER_CORE = "0"
LOAD_CORE = "1"


@dataclasses.dataclass
class Row:
    """One thing that has to hold."""

    what: str
    unit: str
    measured: float
    #: "at least" or "at most"
    sense: str
    limit: float
    details: list = dataclasses.field(default_factory=list)

    @staticmethod
    def unmeasured(what, reason):
        return Row(what, "not measured", None, "at least", 0, [reason])

    @property
    def holds(self):
        if self.measured is None:
            return False
        return self.measured >= self.limit if self.sense == "at least" else self.measured <= self.limit

    @property
    def measured_text(self):
        return self.unit if self.measured is None else f"{self.measured:.4g} {self.unit}".strip()

    @property
    def limit_text(self):
        return "" if self.measured is None else f"{self.sense} {self.limit:g}"


class Bench:
    """What the rows have in common."""

    def __init__(self, folder, runs, seconds, tokens):
        self.folder = folder
        self.runs = runs
        self.seconds = seconds
        self.tokens = tokens
        # Before anything is measured: whoever has no compiler hears of it now.
        self.awake = self.compiled("awake", "-shared", "-fPIC", "-ldl")
        self.paced = self.compiled("paced", "-lcrypto")
        # More than the ten thousand idle connections of row 5, and any number of them from one address.
        self.limits = "limits: { connections: 11000, connectionsPerAddress: 0 }"

    def issuer(self, name, services=10, cores=ISSUER_CORE, **options):
        """An issuer, on its core unless told otherwise, with so many services in its policy; two are written there anyway."""
        more = (f"s{number:07}" for number in range(services - 2))
        configuration = self.folder.configuration(name, more, top=self.limits)
        return Issuer(self.folder, configuration, cores=cores, **options)

    def compiled(self, name, *options):
        """The program, or library, of a C source beside this file."""
        result = self.folder.path / name
        source = os.path.join(os.path.dirname(os.path.realpath(__file__)), f"{name}.c")
        output(shutil.which("cc") or "clang", "-O2", source, "-o", result, *options)
        return result

    def run(self, mode, issuer, *options, seconds=None, **more):
        result = self.folder.bench(mode, issuer.url, seconds or self.seconds, "--pid", issuer.pid, *options, core=LOAD_CORE, **more)
        say(f"  {mode}: {result['tokensPerSecond']:.0f}/s, {result['issuerCPUMicrosecondsPerToken']} us of the issuer for each")
        return result

    def saturated(self, issuer):
        """The tokens per second that an issuer makes just now, with 8 connections that each wait for their answer."""
        return self.run("mint", issuer)["tokensPerSecond"]


def raw_signatures(seconds=3):
    """RSA-2048 signatures per second of processor by `openssl speed`, on the issuer's core while the issuer has nothing to do."""
    done = subprocess.run(["taskset", "-c", ISSUER_CORE, "openssl", "speed", "-seconds", str(seconds), "-mr", "rsa2048"],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    counted = re.search(r"\+R1:(\d+):2048:([\d.]+)", done.stdout)
    if not counted:
        raise Failure(f"openssl speed says no rate: {done.stdout[-300:]}")
    return int(counted[1]) / float(counted[2])


def spread(values, digits=0):
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def saturation(bench):
    """minting, 8 connections"""
    say("rows 1 and 2: minting with 10 and with 1,000,000 services")
    few = bench.issuer("few")
    began = time.monotonic()
    many = bench.issuer("many", services=1_000_000, patience=600)
    start = time.monotonic() - began
    raws, rates, cpus, sleepers, others, other_cpus = [], [], [], [], [], []

    def mint_few():
        before = raw_signatures()
        result = bench.run("mint", few, preload=bench.awake)
        raws.append((before + raw_signatures()) / 2)
        rates.append(result["tokensPerSecond"])
        cpus.append(result["issuerCPUMicrosecondsPerToken"])
        sleepers.append(bench.saturated(few))

    def mint_many():
        result = bench.run("mint", many, preload=bench.awake)
        others.append(result["tokensPerSecond"])
        other_cpus.append(result["issuerCPUMicrosecondsPerToken"])

    for issuer in few, many:
        issuer.pause()
    turns = [(few, mint_few), (many, mint_many)]
    for _ in range(bench.runs):
        for issuer, measure in turns:
            # Each has the core for itself: the other is stopped.
            issuer.resume()
            # What it puts off while it is stopped is not to be measured.
            time.sleep(2)
            measure()
            issuer.pause()
        turns.reverse()
    for issuer in few, many:
        issuer.resume()
    resident = many.resident_mib
    for issuer in few, many:
        issuer.stop()
    ratios = [rate / raw for rate, raw in zip(rates, raws)]
    sizes = [other / rate for other, rate in zip(others, rates)]
    asleep = [sleeper / raw for sleeper, raw in zip(sleepers, raws)]
    rate, cpu = statistics.median(rates), statistics.median(cpus)
    return [
        Row("minting, 8 connections: share of the RSA-2048 signatures of a core", "", statistics.median(ratios), "at least", 0.88, [
            f"tokens per second {spread(rates)}, to a load generator that does not sleep; raw signatures per second {spread(raws)}, "
            "openssl speed on the issuer's core before and after each run, by processor time",
            f"processor time of the issuer {spread(cpus)} us for each token: {1e6 / cpu:.0f} per second of processor, "
            f"{1e6 / cpu / statistics.median(raws):.3f} of raw; its core was {rate * cpu / 1e4:.0f} % busy with it",
            f"with a load generator that sleeps between answers and is woken by the issuer's core: {spread(sleepers)} tokens per "
            f"second, {spread(asleep, 3)} of raw"]),
        Row("1,000,000 services against 10: minting", "", statistics.median(sizes), "at least", 0.97, [
            f"tokens per second {spread(others)}; processor time {spread(other_cpus)} us for each token",
            f"started in {start:.0f} s, {resident:.0f} MiB resident"]),
    ]


def connections(bench):
    """new connections against nginx"""
    say("row 3: new connections, against nginx")
    issuer = bench.issuer("connect")
    answer = nginx.token_answer(bench.folder, issuer)
    raws, found = [], {"issuer": [], "nginx": [], "without": []}
    with nginx.Server(bench.folder, ISSUER_CORE, answer) as server, \
            nginx.Server(bench.folder, ISSUER_CORE, answer, tickets=False) as without:
        for _ in range(bench.runs):
            raws.append(raw_signatures())
            found["issuer"].append(bench.run("connect", issuer))
            found["nginx"].append(bench.run("connect", server, audience=nginx.AUDIENCE))
            found["without"].append(bench.run("connect", without, audience=nginx.AUDIENCE))
    issuer.stop()
    rates = {name: [result["tokensPerSecond"] for result in results] for name, results in found.items()}
    cpus = {name: [result["issuerCPUMicrosecondsPerToken"] for result in results] for name, results in found.items()}

    def ratios(rates, other):
        return [rate * (1 / theirs + 1 / raw) for rate, theirs, raw in zip(rates["issuer"], rates[other], raws)]

    # By processor time: one load generator on one core need not be enough to fill the core of nginx.
    bare = {name: [1e6 / cpu for cpu in values] for name, values in cpus.items()}
    return [
        Row("a token over a new connection: rate against nginx and one signature", "",
            statistics.median(ratios(bare, "nginx")), "at least", 1.4, [
            f"by processor time: issuer {spread(cpus['issuer'])} us, nginx {spread(cpus['nginx'])} us for each connection; one "
            f"signature {1e6 / statistics.median(raws):.0f} us",
            f"by the clock: issuer {spread(rates['issuer'])}, nginx {spread(rates['nginx'])} connections per second, ratio "
            f"{spread(ratios(rates, 'nginx'), 2)}",
            "both give each client two tickets with which it can resume its session; nginx with ssl_session_tickets off, whose "
            f"tickets resume nothing: {spread(cpus['without'])} us, ratio {spread(ratios(bare, 'without'), 2)}"]),
    ]


def latency(bench):
    """latency at 70 %"""
    say("row 4: latency")
    issuer = bench.issuer("latency")
    signatures, rates, results, alone = [], [], [], []
    for _ in range(bench.runs):
        signatures.append(1e6 / raw_signatures(1))
        rates.append(int(0.7 * bench.saturated(issuer)))
        results.append(bench.run("mint", issuer, "--rate", rates[-1], "--connections", 32))
        alone.append(float(output("taskset", "-c", ISSUER_CORE, bench.paced, rates[-1], bench.seconds).split()[1]))
    issuer.stop()
    tails = [result["latencyMicroseconds"]["p99"] for result in results]
    medians = [result["latencyMicroseconds"]["p50"] for result in results]

    def counted(times):
        return [time / signature for time, signature in zip(times, signatures)]

    return [
        Row("99th percentile at 70 % of saturation, in signatures", "", statistics.median(counted(tails)), "at most", 5, [
            f"{spread(rates)} requests per second on a fixed schedule, 0.7 of what it makes just before, 32 connections; one "
            f"signature takes {spread(signatures)} us",
            f"p50 {spread(medians)} us, p99 {spread(tails)} us, {spread(counted(tails), 1)} signatures; unsent "
            f"{[result['unsent'] for result in results]}",
            "the machine by itself, with its other core idle: a loop that makes one signature at each of these moments and nothing "
            f"else, p99 {spread(alone)} us, {statistics.median(counted(alone)):.1f} signatures"]),
    ]


def idle(bench):
    """10,000 idle connections"""
    say("row 5: 10,000 idle connections")
    count = 10_000
    issuer = bench.issuer("idle")
    without = [bench.saturated(issuer) for _ in range(bench.runs)]
    before, files = issuer.resident_mib, issuer.files
    with idle_connections.Held(bench.folder, issuer, count, LOAD_CORE) as held:
        silent = issuer.resident_mib
        say(f"  {issuer.files - files} connections")
        held.ask()
        used = issuer.resident_mib
        rates = []
        # The issuer closes what was idle for 70 s.
        end = time.monotonic() + 50
        while len(rates) < bench.runs and (not rates or time.monotonic() + bench.seconds + 4 < end):
            rates.append(bench.saturated(issuer))
        remaining = issuer.files - files
    issuer.stop()
    if remaining < count:
        raise Failure(f"only {remaining} of {count} connections were open at the end")
    return [
        Row("memory of an idle connection, of 10,000", "KiB", (silent - before) * 1024 / count, "at most", 60, [
            f"resident {before:.1f} MiB before, {silent:.1f} MiB with them; {used:.1f} MiB when each had asked for a token, "
            f"which is {(used - before) * 1024 / count:.1f} KiB for each"]),
        Row("minting beside 10,000 idle connections: share of the rate without them", "",
            statistics.median(rates) / statistics.median(without), "at least", 0.95, [
            f"tokens per second {spread(without)} before, {spread(rates)} in {len(rates)} runs beside them"]),
    ]


def growth(bench):
    """growth of memory"""
    say(f"row 6: memory over {bench.tokens} tokens")
    issuer = bench.issuer("growth")
    first = bench.run("mint", issuer, "--warmup", "0s", seconds=5)
    while first["tokens"] < 10_000:
        more = bench.run("mint", issuer, "--warmup", "0s", seconds=2)
        first["tokens"] += more["tokens"]
    before, minted, began = issuer.resident_mib, first["tokens"], time.monotonic()
    samples = []
    while minted < bench.tokens:
        seconds = min(60, int((bench.tokens - minted) / max(1, first["tokensPerSecond"])) + 1)
        minted += bench.run("mint", issuer, "--warmup", "0s", seconds=seconds)["tokens"]
        samples.append(f"{issuer.resident_mib:.1f}")
    issuer.stop()
    return [
        Row(f"growth of memory from 10,000 to {bench.tokens:,} tokens", "MiB", float(samples[-1]) - before, "at most", 4, [
            f"resident {before:.1f} MiB after {first['tokens']:,} tokens, then {', '.join(samples)} MiB, the last after {minted:,} "
            f"tokens and {time.monotonic() - began:.0f} s"]),
    ]


def two_cores(bench):
    """two cores"""
    say("row 7: two cores against one")
    # An issuer has as many event loops as it finds processors when it starts.
    issuers = [bench.issuer("one"), bench.issuer("two", cores="0,1")]
    ones, twos = [], []
    for issuer in issuers:
        issuer.pause()
    for _ in range(bench.runs):
        for issuer, found in zip(issuers, (ones, twos)):
            issuer.resume()
            found.append(bench.run("mint", issuer, "--connections", 48)["issuerCPUMicrosecondsPerToken"])
            issuer.pause()
    for issuer in issuers:
        issuer.resume()
        issuer.stop()
    return [
        Row("two cores against one", "", 2 * statistics.median(ones) / statistics.median(twos), "at least", 1.8, [
            f"processor time for each token, 48 connections: {spread(ones)} us on one core, {spread(twos)} us on two",
            "rate = cores / processor time: on two cores the load takes a part of one, so that the clock says nothing of the issuer"]),
    ]


def overload(bench):
    """three times saturation"""
    say("row 8: overload")
    issuer = bench.issuer("overload")
    bench.run("mint", issuer, seconds=2)
    before = issuer.resident_mib
    saturated, results, resident = [], [], []
    for _ in range(bench.runs):
        saturated.append(bench.saturated(issuer))
        # Time for the first handshakes before it is measured.
        results.append(bench.run("mint", issuer, "--rate", int(3 * saturated[-1]), "--connections", 512, "--warmup", "5s", judge=False))
        resident.append(issuer.resident_mib)
    issuer.stop()
    served = [result["tokensPerSecond"] for result in results]
    tails = [result["latencyMicroseconds"]["p99"] / 1000 for result in results]
    reasons = {}
    for result in results:
        for failure in result["failures"]:
            reasons[failure["reason"]] = reasons.get(failure["reason"], 0) + failure["count"]
        reasons["never sent"] = reasons.get("never sent", 0) + result["unsent"]
    lost = sum(count for reason, count in reasons.items() if not reason.startswith(("503", "never sent")))
    sent = statistics.median((result["tokens"] + result["failed"]) / result["elapsedSeconds"] for result in results)
    shares = [rate / before for rate, before in zip(served, saturated)]
    asked = (f"{spread(shares, 3)} of the {spread(saturated)} just before; three times as many on a fixed schedule, 512 connections; "
             f"{sent:.0f} of them were sent: if that is much less, the load had too little processor; without a token: "
             f"{json.dumps(reasons)}")
    return [
        Row("served at three times saturation: share of the rate at saturation", "",
            statistics.median(shares), "at least", 0.9, [f"tokens per second {spread(served)}, {asked}"]),
        Row("99th percentile of what is served then", "ms", statistics.median(tails), "at most", 100, [f"{spread(tails)} ms"]),
        Row("requests that are neither served nor answered 503", "", lost, "at most", 0, [f"{lost} in {len(results)} runs"]),
        Row("growth of memory at three times saturation", "MiB", max(resident) - before, "at most", 64, [
            f"resident {before:.1f} MiB before, then {', '.join(f'{value:.1f}' for value in resident)} MiB after each run"]),
    ]
