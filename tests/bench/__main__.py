"""Measures publishing and serving on an invented archive.

From a checkout with its dependencies installed:

    python -m tests.bench --testimonies 20000
    python -m tests.bench --testimonies 200000 --work DIR --seconds 3 --json figures.json
    python -m tests.bench --testimonies 1000 --only-generate archive.jsonl

It writes an archive, publishes it, starts one worker of the server and beside it uvicorn answering the same bytes from
memory, checks that answers are right, and then measures both in turn. A ratio is the median over the rounds of ours
to the reference. "Never asked" means never of this process: what is asked was picked, and the reference's bytes were
taken, with another one. Everything listens on the loopback address only and is stopped at the end. Linux only.
"""

import argparse
import hashlib
import http.client
import os
import platform
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import orjson
from rich.console import Console
from rich.table import Table

from tests.bench import generate
from tests.bench.load import Job, Measure
from tests.bench.questions import HOST, LIMIT, Work, check_answers, read_facts, works

ROOT = Path(__file__).parent.parent.parent
#: Answers of each work that the reference gives in turn.
SAMPLE = 300
#: Seconds that a server is given to start, and a question to be answered.
PATIENCE_S = 60
#: Testimonies a second below which publishing is given up.
SLOWEST_PUBLISHING = 100
#: Share of a core from which the load generator is taken to be what limits the reference.
BUSY = 0.9
#: The load generator has a core of its own, the last; servers have the others. With one core, all share it.
CORES = sorted(os.sched_getaffinity(0))
LOAD_CORES, SERVER_CORES = set(CORES[1:][-1:]), set(CORES[:-1])
LIBRARIES = ("uvicorn", "uvloop", "httptools", "fastapi", "starlette", "pydantic", "sqlalchemy", "orjson")

# Wide enough for the table where the output is kept in a file.
console = Console(width=None if sys.stdout.isatty() else 140)


@dataclass
class Result:
    """The rounds of one work: ours, and the reference's where there is one."""

    work: Work
    ours: list[Measure] = field(default_factory=list)
    raw: list[Measure] = field(default_factory=list)

    @property
    def per_second(self) -> float:
        return statistics.median(one.per_second for one in self.ours)

    @property
    def ratio(self) -> float | None:
        pairs = zip(self.ours, self.raw, strict=True) if self.raw else ()
        ratios = [ours.per_second / raw.per_second for ours, raw in pairs]
        return statistics.median(ratios) if ratios else None


# --- Processes --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Running:
    """A server that is ready. `start_s`: seconds from its start until it was."""

    port: int
    pid: int
    start_s: float

    def get(self, target: str, headers: dict[str, str] | None = None) -> tuple[int, dict[str, str], bytes]:
        """Return status, headers by lower-case name, and body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        try:
            connection.request("GET", target, headers={"Host": HOST} | (headers or {}))
            answer = connection.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
        finally:
            connection.close()

    def memory(self) -> dict[str, int]:
        """Return resident memory in bytes: now, and at most so far."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        fields = dict(line.split(":", 1) for line in lines)
        return {name: int(fields[name].split()[0]) * 1024 for name in ("VmRSS", "VmHWM")}


@contextmanager
def running(name: str, command: Callable[[int], list[str]], *, ready: str) -> Iterator[Running]:
    """Start a server on a free port, wait until `ready` is answered with 200, and stop it at the end."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("TESTIMONY_ARCHIVE_")}
    began = time.perf_counter()
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            [sys.executable, *command(port)],
            cwd=ROOT,
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            preexec_fn=lambda: keep_to(SERVER_CORES),  # noqa: PLW1509 - this program has one thread
        )
        try:
            while not _answers(port, ready):
                if process.poll() is not None or time.perf_counter() - began > PATIENCE_S:
                    log.seek(0)
                    raise SystemExit(f"{name} did not start:\n{log.read().decode()[-2000:]}")
                time.sleep(0.005)
            yield Running(port, process.pid, time.perf_counter() - began)
        finally:
            process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def keep_to(cores: set[int]) -> None:
    """Keep this process to some cores. Left to itself, the kernel may put server and load generator on the same one."""
    if cores:
        os.sched_setaffinity(0, cores)


def _answers(port: int, target: str) -> bool:
    try:
        return Running(port, 0, 0).get(target)[0] == 200
    except (OSError, http.client.HTTPException):
        return False


def serving(data: Path) -> Callable[[int], list[str]]:
    """Return the command of one worker of the server."""
    return lambda port: ["-m", "service", "serve", "--data", str(data), "--port", str(port)]


def child(module: str, *arguments: str, given: bytes = b"", timeout: float) -> Any:
    """Run a module of this package in a process of its own and return its output, which is JSON."""
    command = [sys.executable, "-m", f"tests.bench.{module}", *arguments]
    done = subprocess.run(command, cwd=ROOT, input=given, stdout=subprocess.PIPE, timeout=timeout, check=True)
    return orjson.loads(done.stdout)


# --- Steps ------------------------------------------------------------------------------------------------------------


def generated(work: Path, testimonies: int) -> Path:
    """Return the archive of so many testimonies, written unless this very one is there."""
    maker = hashlib.sha256(Path(generate.__file__).read_bytes()).hexdigest()[:8]
    archive = work / f"archive-{testimonies}-{maker}.jsonl"
    if archive.exists():
        console.print(f"archive: {archive.stat().st_size / 1e6:,.1f} MB, kept from before")
    else:
        _generate(archive, testimonies)
    return archive


def _generate(path: Path, testimonies: int) -> None:
    began = time.perf_counter()
    records = generate.write_archive(path, testimonies)
    seconds = time.perf_counter() - began
    console.print(
        f"archive: {records:,} records, {path.stat().st_size / 1e6:,.1f} MB, "
        f"written in {seconds:.1f} s ({testimonies / seconds:,.0f} testimonies/s)"
    )


def published(archive: Path, data: Path, testimonies: int) -> dict[str, Any]:
    """Publish into an empty folder and say what it cost."""
    shutil.rmtree(data, ignore_errors=True)
    timeout = PATIENCE_S + testimonies / SLOWEST_PUBLISHING
    cost: dict[str, Any] = child("publishing", str(archive), str(data), timeout=timeout)
    cost["testimonies_per_second"] = testimonies / cost["seconds"]
    cost["release_bytes"] = sum(cost["files"].values())
    stages = ", ".join(f"{stage.lower()} {seconds:.1f} s" for stage, seconds in cost["stages"].items())
    console.print(
        f"publish: {cost['seconds']:.1f} s, {cost['testimonies_per_second']:,.0f} testimonies/s ({stages}); "
        f"peak {cost['peak_rss'] / 1e6:,.0f} MB; release {cost['release_bytes'] / 1e6:,.1f} MB"
    )
    return cost


def prepared(data: Path, archive: Path, path: Path) -> list[Work]:
    """Check answers, choose the questions and write the reference's answers, all with a worker of its own."""
    facts = read_facts(archive)
    with running("the server", serving(data), ready="/readyz") as server:
        looked_at = check_answers(server.get, facts)
        console.print(f"answers: {looked_at} looked at, all right")
        etag = server.get(f"/v1/testimonies?limit={LIMIT}")[1]["etag"]
        chosen = list(works(facts, etag))
        answers: dict[str, Any] = {"/": [200, [["content-length", "0"]], ""]}
        for work in chosen:
            for target in work.targets[:SAMPLE] if work.raw else []:
                status, headers, body = server.get(target, dict(line.split(": ", 1) for line in work.headers))
                assert status == work.status, (target, status)
                kept = [pair for pair in headers.items() if pair[0] != "date"]
                answers[_reference_target(work, target)] = [status, kept, body.decode("latin-1")]
    path.write_bytes(orjson.dumps(answers))
    return chosen


def _reference_target(work: Work, target: str) -> str:
    # The reference knows targets only, and one of them has two answers.
    return target if work.status == 200 else f"/{work.status}"


def measured(chosen: list[Work], ours: Running, raw: Running, *, rounds: int, seconds: float) -> list[Result]:
    """Measure every work in rounds, ours and the reference by turns."""
    results = [Result(work) for work in chosen]
    for server in (ours, raw):  # warm the interpreters
        _load(server, chosen[0], chosen[0].targets, once=False, seconds=1)
    for result in results:
        work = result.work
        console.print(f"measuring: {work.name}", style="dim")
        again = [_reference_target(work, target) for target in work.targets[:SAMPLE]]
        for number in range(rounds):
            targets = work.targets[number::rounds] if work.once else work.targets
            result.ours.append(_load(ours, work, targets, once=work.once, seconds=seconds))
            if work.raw:
                result.raw.append(_load(raw, work, again, once=False, seconds=seconds))
    return results


def _load(server: Running, work: Work, targets: list[str], *, once: bool, seconds: float) -> Measure:
    headers = [f"Host: {HOST}", "Accept: application/json", *work.headers]
    job = Job(server.port, targets, headers, work.status, seconds, work.connections, once, sorted(LOAD_CORES))
    measure: dict[str, Any] = child("load", given=orjson.dumps(asdict(job)), timeout=seconds + PATIENCE_S)
    return Measure(**measure)


# --- Telling ----------------------------------------------------------------------------------------------------------


def show(results: list[Result]) -> None:
    """Print the table, and how the last page compares with the first."""
    table = Table(title="One worker, requests a second")
    for column in ("work", "ours", "from – to", "reference", "from – to", "ratio", "p50 ms", "p99 ms", "bytes", "load"):
        table.add_column(column, justify="left" if column == "work" else "right")
    for result in results:
        table.add_row(
            result.work.name,
            f"{result.per_second:,.0f}",
            _spread(result.ours),
            f"{statistics.median(one.per_second for one in result.raw):,.0f}" if result.raw else "",
            _spread(result.raw),
            _ratio(result),
            f"{statistics.median(one.p50_ms for one in result.ours):.2f}",
            f"{statistics.median(one.p99_ms for one in result.ours):.2f}",
            f"{result.ours[0].bytes_per_answer:,.0f}",
            f"{max(one.load_share for one in (*result.ours, *result.raw)):.0%}",
        )
    console.print(table)
    console.print(
        "load: share of a core that the load generator took at most; where it was the limit, the ratio is marked ≤"
    )
    console.print(f"a deep page takes {depth_ratio(results):.2f} times as long as a first one (one connection)")


def _spread(rounds: list[Measure]) -> str:
    rates = [one.per_second for one in rounds]
    return f"{min(rates):,.0f} – {max(rates):,.0f}" if rates else ""


def _ratio(result: Result) -> str:
    if result.ratio is None:
        return ""
    # The reference could have answered more than it was asked.
    is_bound = statistics.median(one.load_share for one in result.raw) > BUSY
    return f"{'≤ ' if is_bound else ''}{result.ratio:.2f}"


def depth_ratio(results: list[Result]) -> float:
    """Return how many times as long a deep page takes: the last two works are the first pages and deep ones."""
    first, deep = (result.ours for result in results[-2:])
    return statistics.median(one.per_second / other.per_second for one, other in zip(first, deep, strict=True))


def machine() -> dict[str, str]:
    """Say what the figures were measured on."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown")
    libraries = {name: version(name) for name in LIBRARIES}
    busy = f"{os.getloadavg()[0]:.1f}"  # before anything is measured: server and load generator want a core each
    return {
        "cores": str(os.cpu_count()),
        "cpu": model,
        "load average": busy,
        "python": platform.python_version(),
        **libraries,
    }


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Measure publishing and serving.")
    parser.add_argument("--testimonies", type=int, default=20_000, help="testimonies in the archive (default: 20000)")
    parser.add_argument("--seconds", type=float, default=2.0, help="seconds of each measurement (default: 2)")
    parser.add_argument("--rounds", type=int, default=5, help="measurements of each work (default: 5)")
    parser.add_argument("--work", type=Path, help="a folder to keep archive and release in")
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    parser.add_argument("--only-generate", type=Path, metavar="FILE", help="write the archive (.jsonl) and stop")
    return parser.parse_args()


def main() -> None:
    given = arguments()
    if given.only_generate:
        _generate(given.only_generate, given.testimonies)
        return
    # As Ctrl+C does: what was started is stopped on the way out.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with ExitStack() as stack:
        folder = given.work or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        folder.mkdir(parents=True, exist_ok=True)
        figures: dict[str, Any] = {"machine": machine(), "testimonies": given.testimonies}
        console.print(", ".join(f"{name} {value}" for name, value in figures["machine"].items()))
        archive, data = generated(folder, given.testimonies), folder / "data"
        figures["publish"] = published(archive, data, given.testimonies)
        answers = folder / "answers.json"
        chosen = prepared(data, archive, answers)
        ours = stack.enter_context(running("the server", serving(data), ready="/readyz"))
        reference = ["-m", "tests.bench.reference", str(answers)]
        raw = stack.enter_context(running("the reference", lambda port: [*reference, str(port)], ready="/"))
        idle = ours.memory()
        results = measured(chosen, ours, raw, rounds=given.rounds, seconds=given.seconds)
        show(results)
        figures["worker"] = {"start_s": ours.start_s, "idle": idle, "under_load": ours.memory()}
        console.print(
            f"worker: ready after {ours.start_s:.2f} s; resident {idle['VmRSS'] / 1e6:,.0f} MB before, "
            f"{ours.memory()['VmRSS'] / 1e6:,.0f} MB after load (at most {ours.memory()['VmHWM'] / 1e6:,.0f} MB)"
        )
        figures["depth_ratio"] = depth_ratio(results)
        figures["works"] = {
            result.work.name: {
                "per_second": result.per_second,
                "ratio": result.ratio,
                "ours": [asdict(one) for one in result.ours],
                "reference": [asdict(one) for one in result.raw],
            }
            for result in results
        }
    if given.json:
        given.json.write_bytes(orjson.dumps(figures, option=orjson.OPT_INDENT_2))


if __name__ == "__main__":
    main()
