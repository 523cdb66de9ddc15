"""`cite` and `new`: from an empty folder to an archive that can be published, and words to the citation of their passage."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from tests.archives import TEXT, archive, record, write


def test_a_new_archive_can_be_checked_and_published_as_it_is(command: Any, tmp_path: Path) -> None:
    assert command("new", "mine").code == 0
    checked = command("check", "mine", "--json")
    assert json.loads(checked.out)["ok"] is True, checked.out
    assert command("publish", "mine", "--data", "data").code == 0
    assert "citations.csv" in (tmp_path / "mine" / "GUIDE.txt").read_text()


def test_a_folder_that_holds_something_is_not_written_to(command: Any, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("Dear Ann")
    ran = command("new", "mine")
    assert ran.code == 1
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["letter.txt"]


@pytest.fixture
def cited(tmp_path: Path) -> Path:
    return write(tmp_path / "a.json", archive(record("tes-1")))


def test_words_become_the_citation_of_their_passage(command: Any, cited: Path, tmp_path: Path) -> None:
    copy = tmp_path / "report.txt"
    copy.write_text(TEXT)
    ran = command("cite", cited, "src-1", "We were told to leave", "--source", f"src-1={copy}")
    assert ran.code == 0
    citation = json.loads(ran.out)
    start = TEXT.index("We were")
    assert (citation["start"], citation["end"]) == (start, start + 21)
    assert citation["sha256"] == hashlib.sha256(b"We were told to leave").hexdigest()


def test_every_place_is_told(command: Any, cited: Path, tmp_path: Path) -> None:
    copy = tmp_path / "report.txt"
    copy.write_text(TEXT)
    shown = json.loads(command("cite", cited, "src-1", "to", "--source", f"src-1={copy}", "--json").out)
    assert [each["start"] for each in shown["citations"]] == [
        at for at in range(len(TEXT)) if TEXT.startswith("to", at)
    ]


def test_the_nearest_passage_is_told_where_the_words_stand_nowhere(command: Any, cited: Path, tmp_path: Path) -> None:
    copy = tmp_path / "report.txt"
    copy.write_text(TEXT)
    ran = command("cite", cited, "src-1", "we where told to  leave", "--source", f"src-1={copy}")
    assert (ran.code, ran.out) == (1, "We were told to leave\n")
    assert command("cite", cited, "src-1", "zzz qqq", "--source", f"src-1={copy}").out == ""


@pytest.mark.parametrize(
    ("source", "text", "said"),
    [("src-9", TEXT, "no source"), ("src-1", TEXT + ".", "differ"), ("src-1", None, "holds no text")],
)
def test_what_cannot_be_cited_is_refused(
    command: Any, cited: Path, tmp_path: Path, source: str, text: str | None, said: str
) -> None:
    copies: list[object] = []
    if text is not None:
        (tmp_path / "report.txt").write_text(text)
        copies = ["--source", f"{source}={tmp_path / 'report.txt'}"]
    ran = command("cite", cited, source, "They", *copies)
    assert (ran.code, ran.out) == (1, "")
    assert said in ran.err
