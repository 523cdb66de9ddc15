"""Caddy in front of replicas, told what `compose.replicas.yaml` tells it."""

import contextlib
import os
import re
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import yaml

from tests.missing import skip_for

_COMPOSE = Path(__file__).parent.parent.parent / "compose.replicas.yaml"
_NAMED = re.compile(r"replica-\d:8000( replica-\d:8000)*")


def caddy() -> str:
    """Return the path of Caddy. Skips the test where it is not installed, and fails it under CI."""
    path = shutil.which("caddy")
    if path is None:
        skip_for("caddy is not installed (Debian: apt-get install caddy)")
    return path


def caddyfile(port: int, replicas: list[str]) -> str:
    """Return the configuration of the compose file, for a port of this machine and replicas (host and port) on it."""
    told: str = yaml.safe_load(_COMPOSE.read_text(encoding="utf-8"))["configs"]["caddyfile"]["content"]
    told, named = _NAMED.subn(" ".join(replicas), told)
    told, listening = re.subn(r"^:8000 \{", f"http://:{port} {{\n  bind 127.0.0.1", told, flags=re.MULTILINE)
    assert (named, listening) == (1, 1)
    return told


@contextlib.contextmanager
def proxied(program: str, folder: Path, port: int, replicas: list[str]) -> Iterator[str]:
    """Run the proxy. Yields its address once a replica is ready behind it."""
    folder.mkdir()
    config = folder / "Caddyfile"
    config.write_text(caddyfile(port, replicas))
    own = {
        "HOME": str(folder),
        "XDG_CONFIG_HOME": str(folder),
        "XDG_DATA_HOME": str(folder),
        "PATH": os.environ["PATH"],
    }
    command = [program, "run", "--adapter", "caddyfile", "--config", str(config)]
    address = f"http://127.0.0.1:{port}"
    with (folder / "log").open("wb") as log, subprocess.Popen(command, env=own, stdout=log, stderr=log) as process:
        try:
            while not _is_ready(f"{address}/readyz"):
                assert process.poll() is None, (folder / "log").read_text()
                time.sleep(0.05)
            yield address
        finally:
            process.kill()


def _is_ready(address: str) -> bool:
    try:
        urllib.request.urlopen(address, timeout=10).close()
    except (urllib.error.HTTPError, OSError):
        return False
    return True
