"""command  runs the command in this process, in a folder of its own, and tells how it ended."""

import os
from pathlib import Path
from typing import Any

import pytest

from service.cli.app import run as run_command


class Ran:
    """How a run of the command ended."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err


@pytest.fixture
def command(capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Run the command in this process, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("TESTIMONY_ARCHIVE_")]:
        monkeypatch.delenv(name)

    def run(*arguments: object) -> Ran:
        try:
            code = run_command([str(argument) for argument in arguments])
        except SystemExit as left:
            code = int(left.code or 0)
        captured = capfdbinary.readouterr()
        ran = Ran(code, captured.out.decode(), captured.err.decode())
        assert "Traceback" not in ran.err
        return ran

    return run
