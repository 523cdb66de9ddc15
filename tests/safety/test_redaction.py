"""Words that were taken out are nowhere in a data folder once the earlier releases are erased; nor is a hash of them."""

import hashlib
from datetime import date
from pathlib import Path

from service.archive.checks import check_archive
from service.archive.evidence import sha256_of
from service.archive.redacting import redact_passages, redact_segments
from service.release.data_folder import erase
from service.release.publish import publish
from tests.archives import Fields, archive, record, write
from tests.safety.canaries import Marks, canaries
from tests.safety.searching import Search, look_through_copy

TODAY = date(2026, 3, 4)


def told(mark: Marks) -> tuple[Fields, tuple[int, int]]:
    """Return an archive with marks in a segment, its translation and a passage that two records cite; and the passage."""
    content = f"They came. {mark.text('passage')} was there. Then they left."
    start, end = content.index(". ") + 2, content.index(" was")
    data = content.encode()
    measures = {"length": len(content), "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    cited = {
        "source": "src-2",
        "start": start - 3,
        "end": end,
        "sha256": mark.sha256("passage", content[start - 3 : end]),
    }
    said: list[Fields] = [
        {"text": "Who was it?"},
        {"id": "a1", "text": mark.text("segment"), "translations": {"ru": {"text": mark.text("translation")}}},
    ]
    whole = archive(
        record("src-2", verbatim=True, text={**measures, "content": content}),
        record("evt-1", citations=[cited]),
        record("sta-1", citations=[cited]),
        record("tes-1", transcript=said, citations=[{"source": "src-2"}]),
    )
    return whole, (start, end)


def looked_through(data: Path, mark: Marks) -> list[str]:
    search = Search(mark)
    look_through_copy(search, data, data.parent / "copy")
    assert search.places > 20
    return search.found


def test_what_was_taken_out_is_nowhere_in_the_data_folder(tmp_path: Path) -> None:
    mark = canaries()
    whole, passage = told(mark)
    path, data = write(tmp_path / "a.json", whole), tmp_path / "data"
    publish(path, data)
    # A search that does not find what is there is no search.
    found = " ".join(looked_through(data, mark))
    assert "the Latin stem" in found
    assert "the Cyrillic stem" in found
    assert "the hash of passage" in found
    redact_segments(path, "tes-1", ["a1"], reason="safety")
    redact_passages(path, "src-2", [passage], reason="safety", today=TODAY)
    publish(path, data)
    erase(data)
    assert looked_through(data, mark) == []


def test_a_text_with_words_in_a_passage_that_is_said_to_be_blank_is_refused(tmp_path: Path) -> None:
    whole, (start, end) = told(canaries())
    [source] = [each for each in whole["sources"] if each["id"] == "src-2"]
    source["redactions"] = [{"start": start, "end": end, "reason": "safety", "on": "2026-03-04"}]
    assert source["text"]["sha256"] == sha256_of(source["text"]["content"])
    found = check_archive(write(tmp_path / "a.json", whole), today=TODAY).findings
    assert [(each.code, each.pointer.partition("/redactions")[2]) for each in found] == [("invalid_value", "/0")]
