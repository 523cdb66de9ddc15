"""An archive of any size and its release, made with the command that an operator uses."""

import hashlib
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from tests.bench import generate
from tests.bench.generate import Holding
from tests.bench.load import ROOT
from tests.bench.memory import Memory, watched
from tests.bench.processes import environment

#: Testimonies a second below which publishing is given up, and the seconds that it has in any case.
SLOWEST, PATIENCE_S = 100, 60


@dataclass(frozen=True, slots=True)
class Published:
    """What publishing cost, from the start of the command to its end. Sizes in bytes."""

    testimonies: int
    seconds: float
    memory: Memory
    archive_bytes: int
    files: dict[str, int]
    counts: dict[str, int]

    @property
    def per_second(self) -> float:
        return self.testimonies / self.seconds


def generated(work: Path, testimonies: int, *, holding: Holding = "real") -> Path:
    """Return the archive of so many testimonies in a folder of its own, written unless this very one is there."""
    maker = hashlib.sha256(Path(generate.__file__).read_bytes()).hexdigest()[:8]
    archive = work / f"{testimonies}-{maker}-{holding.replace(' ', '-')}" / "archive.jsonl"
    if not archive.exists():
        archive.parent.mkdir(parents=True, exist_ok=True)
        generate.write_archive(archive, testimonies, holding=holding)
    return archive


def published(archive: Path, data: Path, testimonies: int) -> Published:
    """Publish into an empty folder."""
    shutil.rmtree(data, ignore_errors=True)
    command = [sys.executable, "-m", "service", "publish", str(archive), "--data", str(data)]
    began = time.perf_counter()
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, cwd=ROOT, env=environment(), stdout=log, stderr=log)
        try:
            with watched(process.pid) as memory:
                process.wait(PATIENCE_S + testimonies / SLOWEST)
        finally:
            process.kill()
        seconds = time.perf_counter() - began
        if process.returncode:
            log.seek(0)
            raise SystemExit(f"publishing failed:\n{log.read().decode()[-2000:]}")
    manifest: dict[str, Any] = orjson.loads((data / "current" / "manifest.json").read_bytes())
    return Published(
        testimonies=testimonies,
        seconds=seconds,
        memory=memory,
        archive_bytes=archive.stat().st_size,
        files={name: entry["bytes"] for name, entry in manifest["files"].items()},
        counts=manifest["counts"],
    )
