"""What takes something back is marked in the change log, and no digest of what was said before is left."""

import hashlib
from contextlib import closing
from pathlib import Path

import pytest

from service.release.building.erasures import shows_less
from service.release.opening import open_current
from tests.archives import TEXT, Fields, archive, record
from tests.conftest import PublishTo

NAMED = record("agt-2", kind="person", name_policy="published", name="Marker Name")
PSEUDONYM = record("agt-2", kind="person", name_policy="pseudonym", name=None, label="Mara")


def log(data: Path, number: int) -> list[tuple[str, str, bool]]:
    with closing(open_current(data)) as release:
        rows = release.rows("SELECT action, record_id, erase FROM change WHERE release_number = ?", (number,))
        return [(action, record_id, bool(erase)) for action, record_id, erase in rows]


def line_of(folder: Path, record_id: str) -> bytes:
    lines = (folder / "archive.jsonl").read_bytes().splitlines(keepends=True)
    return next(line for line in lines if b'"id":"%b"' % record_id.encode() in line)


def test_a_name_that_is_taken_back_erases_whatever_the_release_changed(tmp_path: Path, publish_to: PublishTo) -> None:
    data = tmp_path / "data"
    said = record("tes-1", witness="agt-2", summary="Marker Name tells of the night.")
    folder = publish_to(data, archive(NAMED, said, record("tes-2"), record("evt-1"))).folder
    told = [line_of(folder, each) for each in ("agt-2", "tes-1")]
    untouched = line_of(folder, "tes-2")
    told_less = said | {"summary": "A resident tells of the night."}
    folder = publish_to(data, archive(PSEUDONYM, told_less, record("tes-2"), record("evt-1"), record("evt-2"))).folder
    assert log(data, 2) == [("updated", "agt-2", True), ("created", "evt-2", False), ("updated", "tes-1", True)]
    database = (folder / "archive.sqlite").read_bytes()
    for line in told:
        assert hashlib.sha256(line).digest() not in database
    assert hashlib.sha256(untouched).digest() in database


def test_what_is_only_corrected_is_no_erasure(tmp_path: Path, publish_to: PublishTo) -> None:
    data = tmp_path / "data"
    publish_to(data, archive(NAMED, record("tes-1", title="One")))
    corrected = NAMED | {"name": "Another Name"}
    publish_to(data, archive(corrected, record("tes-1", title="Two")))
    assert log(data, 2) == [("updated", "agt-2", False), ("updated", "tes-1", False)]


def test_what_is_hidden_or_withdrawn_is_an_erasure(tmp_path: Path, publish_to: PublishTo) -> None:
    data = tmp_path / "data"
    publish_to(data, archive(record("tes-1"), record("tes-2")))
    hidden = record("tes-1", access={"visibility": "restricted"})
    publish_to(data, archive(hidden, withdrawn=[{"id": "tes-2", "on": "2026-01-01"}]))
    assert log(data, 2) == [("withdrawn", "tes-1", True), ("withdrawn", "tes-2", True)]


def test_an_erasure_stays_marked_in_later_releases(tmp_path: Path, publish_to: PublishTo) -> None:
    data = tmp_path / "data"
    for agent in (NAMED, PSEUDONYM, PSEUDONYM | {"label": "Mira"}):
        publish_to(data, archive(agent))
    assert [log(data, number)[-1][1:] for number in (2, 3)] == [("agt-2", True), ("agt-2", False)]


TESTIMONY = {"record": "testimony", "transcript": [{"text": "One."}, {"text": "Two."}]}
TOLD: Fields = {
    "record": "testimony",
    "transcript": [{"id": "a", "text": "One.", "translations": {"fr": {"text": "Un."}}}, {"id": "b", "text": "Two."}],
    "citations": [{"source": "src-1", "quote": "One."}],
}
SOURCE = {"record": "source", "text": {"length": len(TEXT), "content": TEXT}}
AGENT = {"record": "agent", "name_policy": "published", "name": "Marker"}


@pytest.mark.parametrize(
    ("before", "after", "less"),
    [
        (AGENT, AGENT | {"name": "Other"}, False),
        (AGENT, AGENT | {"name_policy": "withheld", "name": None}, True),
        (AGENT, {"record": "agent", "name_policy": "published"}, True),
        (AGENT | {"name_policy": "pseudonym"}, AGENT, False),
        (TESTIMONY, TESTIMONY | {"transcript": [{"text": "One."}, {"text": "Three."}]}, False),
        (TESTIMONY, TESTIMONY | {"transcript": [{"text": "One."}, {"redacted": "safety"}]}, True),
        (TESTIMONY, TESTIMONY | {"transcript": [{"text": "One."}]}, True),
        (TESTIMONY, {"record": "testimony"}, True),
        ({"record": "testimony"}, TESTIMONY, False),
        (TOLD, TOLD | {"transcript": [{"id": "b", "text": "Two."}, {"id": "a", "redacted": "safety"}]}, True),
        (TOLD, TOLD | {"transcript": [{"id": "a", "text": "One."}, {"id": "b", "text": "Two."}]}, True),
        (TOLD, {"record": "testimony", "transcript": TOLD["transcript"]}, True),
        (TOLD, TOLD | {"citations": [{"source": "src-1", "quote": "Two."}]}, True),
        (TOLD, TOLD | {"citations": [{"source": "src-1", "quote": "One.", "note": "Twice."}]}, False),
        (SOURCE, SOURCE | {"redactions": [{"start": 1, "end": 2}]}, True),
        (SOURCE, SOURCE | {"text": {"length": len(TEXT)}}, True),
        (SOURCE, {"record": "source"}, True),
        ({"record": "source"}, SOURCE, False),
    ],
)
def test_what_shows_less(before: Fields, after: Fields, less: bool) -> None:
    assert shows_less(before, after) == less
