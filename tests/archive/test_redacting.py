"""Taking words out: what is blanked, what stays where it was, and which places are told."""

import json
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from service.archive.checks import ArchiveInvalid, check_archive
from service.archive.evidence import blanked, sha256_of
from service.archive.redacting import Place, Redacted, redact_passages, redact_segments
from service.errors import EditRefused
from service.release.opening import open_current
from service.release.predecessor import Predecessor
from service.release.publish import publish
from tests.archives import TEXT, Fields, archive, passage, record, write

TODAY = date(2026, 3, 4)
SAID: list[Fields] = [
    {"id": "q1", "text": "Who came that night?"},
    {"id": "a1", "start_s": 4, "speaker": "Olga", "text": "Our neighbour Ivan.", "translations": {"fr": {"text": "Le voisin Ivan."}}},
    {"text": "They knocked for a long time."},
]  # fmt: skip
#: A second passage behind a character outside the basic plane.
LONG = "🚋 " + TEXT


def text_of(content: str) -> Fields:
    data = content.encode()
    return {"length": len(content), "bytes": len(data), "sha256": sha256_of(content), "content": content}


def spoken(*records: Fields, **fields: Any) -> Fields:
    """Return an archive in which tes-1 has a transcript."""
    tes = record("tes-1", transcript=SAID, citations=[{"source": "src-2"}], **fields)
    return archive(record("src-2", verbatim=True), tes, *records)


def written() -> Fields:
    """Return an archive in which src-2 has a text, and three records cite passages of it."""
    cited = [cite(2, 21), cite(2, 10) | {"quote": "They cam"}, cite(46, 60)]
    return archive(
        record("src-2", verbatim=True, text=text_of(LONG)),
        record("evt-1", citations=cited),
        record("sta-1", method="They came at night, it says.", citations=[cite(16, 30)]),
        record("tes-1", citations=[cite(0, 30)], access={"visibility": "restricted"}),
    )


def cite(start: int, end: int) -> Fields:
    return {"source": "src-2", "start": start, "end": end, "sha256": sha256_of(LONG[start:end])}


def read(path: Path) -> Fields:
    whole: Fields = json.loads(path.read_text())
    return whole


def blank(path: Path, *passages: tuple[int, int]) -> Redacted:
    return redact_passages(path, "src-2", passages, reason="safety", today=TODAY)


# --- Segments ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "place"), [("q1", 0), ("a1", 1), ("3", 2), ("tes-1-s3", 2)], ids=["own", "with more", "number", "as shown"]
)
def test_the_words_go_and_the_segment_stays(tmp_path: Path, name: str, place: int) -> None:
    path = write(tmp_path / "a.json", spoken())
    assert redact_segments(path, "tes-1", [name], reason="third_party") == Redacted(1, 0, [], more=False)
    kept = {key: value for key, value in SAID[place].items() if key not in ("text", "translations")}
    expected = [*SAID[:place], kept | {"redacted": "third_party"}, *SAID[place + 1 :]]
    assert read(path)["testimonies"][0]["transcript"] == expected
    assert check_archive(path, today=TODAY).findings == []


def test_what_repeats_or_describes_a_segment_is_told(tmp_path: Path) -> None:
    whole = spoken(
        record("evt-1", summary="“Le voisin Ivan”, she says.", access={"private": "Our neighbour Ivan."}),
        record("tes-2", summary="A neighbour, Ivan."),
        index=[{"title": "The night", "segment": "a1"}, {"title": "Before", "segment": "q1"}],
    )
    outcome = redact_segments(write(tmp_path / "a.json", whole), "tes-1", ["a1"], reason="third_party")
    assert outcome.places == [
        Place("repeats", "/events/0/summary", "evt-1"),
        Place("describes", "/testimonies/0/index/0", "tes-1"),
    ]


def test_what_holds_the_words_in_public_is_told(tmp_path: Path) -> None:
    def file(name: str, **fields: Any) -> Fields:
        kept = {"url": f"https://arden.example/{name}", "media_type": "audio/mpeg", "sha256": sha256_of(name)}
        return {"name": name, "role": "original", **kept, **fields}

    whole = spoken()
    [source] = [each for each in whole["sources"] if each["id"] == "src-2"]
    source["files"] = [
        file("private.mp3"),
        file("public.mp3", public=True, masked=True),
        file("still.mp3", public=True, masked=True, role="thumbnail"),
    ]
    whole["testimonies"][0]["transcript"] = [{**SAID[0], "file": "public.mp3"}]
    path = write(tmp_path / "a.json", whole)
    assert redact_segments(path, "tes-1", ["q1"], reason="safety").places == [
        Place("holds", "/sources/1/files/1", "src-2")
    ]
    assert read(path)["testimonies"][0]["transcript"] == [{"id": "q1", "file": "public.mp3", "redacted": "safety"}]
    assert check_archive(path, today=TODAY).findings == []


@pytest.mark.parametrize(
    ("testimony", "name", "reason"),
    [("tes-1", "2", "no segment 2"), ("tes-9", "1", "no testimony"), ("src-2", "1", "no testimony")],
)
def test_what_is_not_there_is_refused_and_nothing_changed(
    tmp_path: Path, testimony: str, name: str, reason: str
) -> None:
    path = write(tmp_path / "a.json", spoken())
    before = path.read_bytes()
    with pytest.raises(EditRefused, match=reason):
        redact_segments(path, testimony, ["q1", name], reason="consent")
    assert path.read_bytes() == before


def test_a_name_stands_for_the_same_words(tmp_path: Path) -> None:
    def refused(*segments: Fields) -> list[str]:
        whole = spoken()
        whole["testimonies"][0]["transcript"] = segments
        path = write(tmp_path / "a.json", whole)
        with closing(open_current(tmp_path / "data")) as release:
            found = check_archive(path, today=TODAY, predecessor=Predecessor(release)).findings
        assert {each.code for each in found} <= {"segment_changed"}
        if not found:
            publish(path, tmp_path / "data")
        return [each.pointer for each in found]

    publish(write(tmp_path / "a.json", spoken()), tmp_path / "data")
    first, second, third = SAID
    assert refused(first, second, third) == []
    # Another word; a segment in between, so that positions move; a name that moves to other words.
    assert refused(first, second, third | {"text": "They knocked."}) == ["/testimonies/0/transcript/2"]
    assert refused(first, second, {"text": "And then?"}, third) == ["/testimonies/0/transcript/2"]
    assert refused(first | {"id": "a1"}, second | {"id": "q1"}, third) == [
        "/testimonies/0/transcript/0", "/testimonies/0/transcript/1",
    ]  # fmt: skip
    # A segment in between whose neighbours keep their names; words that go, and come again.
    new = {"id": "a1b", "text": "And then?"}
    assert refused(first, second, new, third | {"id": "tes-1-s3"}) == []
    assert refused(first, {"id": "a1", "redacted": "safety"}, new) == []
    assert refused(first, second, new) == []


# --- Passages ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a.json", "a.jsonl"])
def test_offsets_stay_and_hashes_are_renewed_everywhere(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name, written())
    outcome = blank(path, (12, 20))
    assert (outcome.taken_out, outcome.renewed) == (1, 3)
    text = path.read_text()
    sources = [json.loads(line) for line in text.splitlines()] if name == "a.jsonl" else json.loads(text)["sources"]
    source = next(each for each in sources if each.get("id") == "src-2")
    content = blanked(LONG, [(12, 20)])
    assert source["text"] == text_of(content)
    assert len(content) == len(LONG)
    assert content[12:20] == "█" * 8
    assert source["redactions"] == [{"start": 12, "end": 20, "reason": "safety", "on": "2026-03-04"}]
    assert check_archive(path, today=TODAY).findings == []


def test_quotes_and_repetitions_of_a_passage_are_told(tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", written())
    outcome = blank(path, (2, 21), (46, 50))
    assert outcome.places == [
        Place("quotes", "/events/0/citations/1/quote", "evt-1"),
        Place("repeats", "/statistics/0/method", "sta-1"),
    ]
    assert {each.code for each in check_archive(path, today=TODAY).findings} == {"quote_mismatch"}


@pytest.mark.parametrize("where", [(0, 0), (5, 4), (0, len(LONG) + 1)])
def test_what_is_no_passage_is_refused(tmp_path: Path, where: tuple[int, int]) -> None:
    path = write(tmp_path / "a.json", written())
    before = path.read_bytes()
    with pytest.raises(EditRefused, match="is no passage"):
        blank(path, where)
    assert path.read_bytes() == before


def test_a_text_that_is_not_held_cannot_be_blanked(tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", archive(record("evt-1", citations=[passage()])))
    with pytest.raises(EditRefused, match="does not hold"):
        redact_passages(path, "src-1", [(0, 4)], reason="safety", today=TODAY)


def test_the_next_release_takes_the_words_out_and_nothing_else_of_the_text(tmp_path: Path) -> None:
    whole = written()
    del whole["events"][0]["citations"][1]
    path = write(tmp_path / "a.json", whole)
    publish(path, tmp_path / "data")
    blank(path, (2, 21))
    edited = read(path)
    # A text in which something else was changed beside it is another text.
    [source] = [each for each in edited["sources"] if each["id"] == "src-2"]
    source["text"] = text_of(source["text"]["content"].replace("Nobody", "Anyone"))
    other = write(tmp_path / "other.json", edited)
    with pytest.raises(ArchiveInvalid) as refused:
        publish(other, tmp_path / "data")
    assert {each.code for each in refused.value.report.findings} == {"source_changed", "passage_hash_mismatch"}
    publish(path, tmp_path / "data")
    release = open_current(tmp_path / "data")
    assert "They came" not in (Predecessor(release).source_content("src-2") or "They came")
    # The hashes of what was said could be guessed at: who keeps them is to erase them, too.
    erased = release.rows("SELECT record_id FROM change WHERE erase ORDER BY record_id")
    assert erased == [("evt-1",), ("src-2",), ("sta-1",)]
    release.close()


def test_a_copy_of_the_source_as_it_was_can_be_held_against_what_is_left(tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", written() | {"events": []})
    blank(path, (12, 20))
    copy = tmp_path / "source.txt"
    for text, found in (
        (LONG, []),
        (read(path)["sources"][0]["text"].get("content", LONG), []),
        (LONG[::-1], ["source_hash_mismatch"]),
    ):
        copy.write_text(text)
        assert [each.code for each in check_archive(path, today=TODAY, sources={"src-2": copy}).findings] == found
