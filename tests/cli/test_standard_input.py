"""An archive on standard input, in each of the forms that a file may have."""

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.archives import archive, record, write


def given(command: str, content: bytes, folder: Path, *options: object) -> "subprocess.CompletedProcess[bytes]":
    temporary = folder / "temporary"
    temporary.mkdir()
    return subprocess.run(
        [sys.executable, "-m", "service", command, "-", *map(str, options)],
        input=content,
        capture_output=True,
        env={**os.environ, "TMPDIR": str(temporary)},
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize("form", ["a.json", "indented.json", "a.jsonl", "a.jsonl.gz"])
def test_it_is_published_whatever_its_form(tmp_path: Path, form: str) -> None:
    whole = archive(record("tes-1"))
    content = write(tmp_path / form.removesuffix(".gz"), whole).read_bytes()
    if form.startswith("indented"):
        content = json.dumps(whole, indent=2).encode()
    if form.endswith(".gz"):
        content = gzip.compress(content)
    published = given("publish", content, tmp_path, "--data", tmp_path / "data")
    assert published.returncode == 0, published.stderr
    assert b"Published release 1" in published.stderr
    # It holds what is private, so nothing of it stays.
    assert list((tmp_path / "temporary").iterdir()) == []


def test_it_is_checked_and_nothing_of_it_stays(tmp_path: Path) -> None:
    whole = archive(record("tes-1", witness="agt-9"))
    checked = given("check", json.dumps(whole).encode(), tmp_path)
    assert checked.returncode == 1
    assert checked.stdout.startswith(b"dangling_reference\t/testimonies/0/witness\t")
    assert list((tmp_path / "temporary").iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"\x1f\x8b rubbish", b"\xff\n", b"[]", b"null"])
def test_rubbish_is_an_error_without_a_traceback(tmp_path: Path, content: bytes) -> None:
    refused = given("publish", content, tmp_path, "--data", tmp_path / "data")
    assert refused.returncode == 1
    assert b"Traceback" not in refused.stderr
    assert not (tmp_path / "data" / "current").exists()
