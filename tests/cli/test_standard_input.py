"""An archive on standard input, in each of the forms that a file may have."""

import gzip
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.archives import archive, record, write

Given = Callable[..., Any]


@pytest.fixture
def given(command: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Given:
    """Run the command in this process with bytes on its standard input."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))

    def run(name: str, content: bytes, *options: object) -> Any:
        (tmp_path / "given").write_bytes(content)
        with (tmp_path / "given").open() as given:
            monkeypatch.setattr(sys, "stdin", given)
            return command(name, "-", *options)

    return run


def test_it_is_read_from_a_pipe(tmp_path: Path) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    published = subprocess.run(
        [sys.executable, "-m", "service", "publish", "-", "--data", tmp_path / "data"],
        input=json.dumps(archive(record("tes-1"))).encode(),
        capture_output=True,
        env={**os.environ, "TMPDIR": str(temporary)},
        check=False,
        timeout=60,
    )
    assert published.returncode == 0, published.stderr
    assert b"Published release 1" in published.stderr
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("form", ["a.json", "indented.json", "a.jsonl", "a.jsonl.gz"])
def test_it_is_published_whatever_its_form(given: Given, tmp_path: Path, form: str) -> None:
    whole = archive(record("tes-1"))
    content = write(tmp_path / form.removesuffix(".gz"), whole).read_bytes()
    if form.startswith("indented"):
        content = json.dumps(whole, indent=2).encode()
    if form.endswith(".gz"):
        content = gzip.compress(content)
    published = given("publish", content, "--data", tmp_path / "data")
    assert published.code == 0, published.err
    assert "Published release 1" in published.err
    # It holds what is private, so nothing of it stays.
    assert list((tmp_path / "temporary").iterdir()) == []


def test_it_is_checked_and_nothing_of_it_stays(given: Given, tmp_path: Path) -> None:
    whole = archive(record("tes-1", witness="agt-9"))
    checked = given("check", json.dumps(whole).encode())
    assert checked.code == 1
    assert checked.out.startswith("dangling_reference\t/testimonies/0/witness\t")
    assert list((tmp_path / "temporary").iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"\x1f\x8b rubbish", b"\xff\n", b"[]", b"null"])
def test_rubbish_is_an_error_without_a_traceback(given: Given, tmp_path: Path, content: bytes) -> None:
    refused = given("publish", content, "--data", tmp_path / "data")
    assert refused.code == 1
    assert refused.err.startswith("error: ")
    assert not (tmp_path / "data" / "current").exists()
