"""Keeps a number of connections busy and times the answers: with wrk where it is installed, else with a generator of ours.

Both are processes of their own that can be kept to a core, so that they and the server need not share one. Knows nothing
of what is served.
"""

import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import orjson

ROOT = Path(__file__).parent.parent.parent
#: wrk goes round where the targets end. A job that asks each once is given to it where this many a second are at hand:
#: more than any server here answers of what it was never asked.
ENOUGH_PER_SECOND = 8000
#: Seconds that the last answers may take.
PATIENCE_S = 60

WRK = shutil.which("wrk")
GENERATOR = "wrk" if WRK else "a generator in Python (wrk is not installed: apt-get install wrk)"


@dataclass(frozen=True, slots=True)
class Job:
    """What to ask. `targets` are paths with queries; what follows a space is a body to post. With `once` none is asked
    twice, and the job may end early.
    """

    port: int
    targets: list[str]
    #: Lines of a request after the first.
    headers: list[str]
    #: The status that every answer must have.
    status: int
    seconds: int
    connections: int
    once: bool
    #: The cores that the generator keeps to; none means any.
    cores: list[int]

    def requests(self) -> list[bytes]:
        """Return what is sent, put together beforehand."""
        lines = "".join(f"{line}\r\n" for line in self.headers)
        return [_request(*target.partition(" ")[::2], lines) for target in self.targets]


@dataclass(frozen=True, slots=True)
class Measure:
    """What came of a job. Latencies in milliseconds."""

    requests: int
    per_second: float
    p50_ms: float
    p99_ms: float
    bytes_per_answer: float
    #: How much of a core the generator used: near 1, the server could do more.
    load_share: float
    generator: str


def _request(path: str, body: str, lines: str) -> bytes:
    if not body:
        return f"GET {path} HTTP/1.1\r\n{lines}\r\n".encode()
    return f"POST {path} HTTP/1.1\r\n{lines}content-length: {len(body.encode())}\r\n\r\n{body}".encode()


class WrongAnswer(Exception):
    """An answer had another status than expected, the server hung up, or what is to be asked once was asked again."""


def load(job: Job) -> Measure:
    """Do the job in a process of its own. Raises WrongAnswer."""
    enough = not job.once or len(job.targets) >= job.seconds * ENOUGH_PER_SECOND
    return _with_wrk(WRK, job) if WRK is not None and enough else _with_python(job)


def _with_wrk(wrk: str, job: Job) -> Measure:
    with tempfile.NamedTemporaryFile() as requests:
        requests.writelines(one + b"\0" for one in job.requests())
        requests.flush()
        command = [wrk, "--threads=1", f"--connections={job.connections}", f"--duration={job.seconds}s", "--latency"]
        command += [f"--script={Path(__file__).with_name('wrk.lua')}", f"http://127.0.0.1:{job.port}", "--"]
        output, share = _run([*command, requests.name], job)
    told = orjson.loads(output.splitlines()[-1])
    if told["failed"] or not told["requests"]:
        raise WrongAnswer(output.decode())
    # Asked for beforehand, and on their way at the end.
    if job.once and told["requests"] + job.connections + 1 > len(job.targets):
        raise WrongAnswer("there was too little to ask once each: measure for fewer seconds, or more testimonies")
    return Measure(
        requests=told["requests"],
        per_second=told["requests"] / told["microseconds"] * 1e6,
        p50_ms=told["p50"] / 1000,
        p99_ms=told["p99"] / 1000,
        bytes_per_answer=told["bytes"] / told["requests"],
        load_share=share,
        generator="wrk",
    )


def _with_python(job: Job) -> Measure:
    command = [sys.executable, "-m", "tests.bench.load_python"]
    output, share = _run(command, job, given=orjson.dumps(asdict(job)))
    told: dict[str, Any] = orjson.loads(output)
    return Measure(**told, load_share=share, generator="python")


def _run(command: list[str], job: Job, *, given: bytes = b"") -> tuple[bytes, float]:
    """Return the output of a command, and how much of a core it used."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(
        command,
        cwd=ROOT,
        input=given,
        capture_output=True,
        timeout=job.seconds + PATIENCE_S,
        check=False,
        preexec_fn=keeping_to(job.cores),
    )
    seconds, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise WrongAnswer(done.stderr.decode()[-2000:] or done.stdout.decode()[-2000:])
    return done.stdout, (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / seconds


def keeping_to(cores: list[int]) -> Callable[[], None] | None:
    """Return what keeps a new process to these cores; left alone, the kernel may put two on the same one."""
    return (lambda: os.sched_setaffinity(0, cores)) if cores else None
