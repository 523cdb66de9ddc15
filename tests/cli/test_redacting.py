"""Redacting, as an editor meets it: what is printed and what is not, and what is refused."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from service.archive.evidence import sha256_of
from service.cli import redact
from tests.archives import TEXT, Fields, archive, passage, record, write

SOURCE = record(
    "src-1",
    verbatim=True,
    text={"length": len(TEXT), "bytes": len(TEXT.encode()), "sha256": sha256_of(TEXT), "content": TEXT},
)
SAID: Fields = {"transcript": [{"id": "a1", "text": "They came at night."}, {"text": "And left."}]}


@pytest.fixture(autouse=True)
def today(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redact, "today", lambda: date(2026, 3, 4))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write(tmp_path / "a.json", archive(SOURCE, record("evt-1", citations=[passage()]), record("tes-1", **SAID)))


def test_what_is_left_to_judge_is_a_line_each_and_the_code_is_1(command: Any, path: Path) -> None:
    ran = command("redact", path, "tes-1", "a1", "--reason", "safety")
    assert (ran.code, ran.out) == (1, "repeats\t/sources/0/text/content\tsrc-1\n")
    assert "1 segments of tes-1" in ran.err
    assert "releases prune --erase" in ran.err
    ran = command("redact", path, "src-1", "--passage", "0-9", "--passage", "10-19", "--reason", "safety", "--json")
    assert (ran.code, json.loads(ran.out)) == (0, {"redacted": 2, "renewed": 1, "places": [], "more": False})
    whole = json.loads(path.read_text())
    assert whole["sources"][0]["text"]["content"] == "█████████ █████████" + TEXT[19:]
    assert [each["on"] for each in whole["sources"][0]["redactions"]] == ["2026-03-04"] * 2
    assert command("check", path).code == 0


def test_the_words_are_never_printed(command: Any, path: Path) -> None:
    for arguments in (["tes-1", "1", "--json"], ["tes-1", "a1"], ["src-1", "--passage", "0-19"]):
        ran = command("redact", path, *arguments)
        assert "night" not in ran.out + ran.err


@pytest.mark.parametrize(
    ("arguments", "code", "reason"),
    [
        (["tes-1"], 2, "say which segments"),
        (["src-1"], 2, "say which passages"),
        (["src-1", "a1", "--passage", "0-4"], 2, "say which passages"),
        (["tes-1", "a1", "--passage", "0-4"], 2, "say which segments"),
        (["src-1", "--passage", "4"], 2, "is no passage"),
        (["tes-1", "a1", "--reason", "taste"], 2, "reason"),
        (["tes-1", "9"], 1, "no segment 9"),
        (["src-1", "--passage", "9-9"], 1, "is no passage"),
        (["evt-1", "1"], 1, "is no testimony"),
    ],
)
def test_what_cannot_be_done_is_refused(command: Any, path: Path, arguments: list[str], code: int, reason: str) -> None:
    before = path.read_bytes()
    ran = command("redact", path, *arguments)
    assert ran.code == code
    assert reason in ran.err
    assert path.read_bytes() == before
