"""Files of sources unmask nobody: not by what they show or sound, nor by their names; and what is hidden decides nothing."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from service.archive.checks import check_archive
from tests.archives import Fields, archive, file_of, record, write


def codes_with_file(tmp_path: Path, *others: Fields, **file: Any) -> list[str]:
    """Return what is found of an archive in which src-1 has a public file, beside these records."""
    given = {each["id"] for each in others}
    sources = [] if "src-1" in given else [record("src-1", text=None, files=[file_of("media/one", **file)])]
    protected = record("agt-9", kind="person", name_policy="withheld", name=None, label="Somebody")
    path = write(tmp_path / "a.json", archive(*sources, protected, *others))
    return [finding.code for finding in check_archive(path, today=date(2026, 3, 4)).findings]


def citing(source: str, **fields: Any) -> Fields:
    consent = {"access": {"consent_basis": "direct", **fields.pop("access", {})}}
    return record("tes-9", witness="agt-9", citations=[{"source": source}], **consent, **fields)


def other_source(**fields: Any) -> Fields:
    return record("src-2", text=None, **fields)


FILE_CASES: dict[str, tuple[Fields, ...]] = {
    "a witness": (citing("src-1"),),
    "a part of the source": (other_source(part_of="src-1"), citing("src-2")),
    "a witness in a copy of the source": (
        other_source(relations=[{"type": "duplicate_of", "to": "src-1"}]), citing("src-2"),
    ),
    "somebody through whose hands it came": (
        record("src-1", text=None, files=[file_of("media/one")], custody=[
            {"on": "2021-05-09", "agent": "agt-9", "action": "received"}
        ]),
    ),
    "the maker of a part": (other_source(part_of="src-1", creators=["agt-9"]),),
    "a victim in an event that she testifies to": (
        record("evt-9", participants=[{"agent": "agt-9", "role": "victim"}], citations=[{"source": "src-1"}]),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", FILE_CASES)
def test_a_public_file_that_may_show_a_protected_agent_needs_an_editors_word(tmp_path: Path, case: str) -> None:
    others = FILE_CASES[case]
    assert codes_with_file(tmp_path, *others) == ["deanonymising_anchor"]
    said = json.loads(json.dumps(others))
    for each in said:
        for file in each.get("files", []):
            file["masked"] = True
    assert codes_with_file(tmp_path, *said, masked=True) == []
    for each in said:
        for file in each.get("files", []):
            file["public"] = False
    assert codes_with_file(tmp_path, *said, public=False) == []


def test_who_is_hidden_decides_nothing_about_a_public_file(tmp_path: Path) -> None:
    assert codes_with_file(tmp_path, citing("src-1", access={"visibility": "restricted"})) == []


@pytest.mark.parametrize("field", ["name", "path", "url", "alt"])
def test_a_protected_name_stands_in_nothing_of_a_public_file(tmp_path: Path, field: str) -> None:
    values = {
        "path": "mara-ivanova/one",
        "url": "https://e.example/Ivanova.mp4",
        "name": "mara_ivanova.txt",
        "alt": "Mara Ivanova",
    }
    path = values["path"] if field == "path" else "media/one"
    named = record(
        "agt-8",
        kind="person",
        name_policy="withheld",
        name=None,
        label="A",
        access={"private": {"name": "Mara Ivanova"}},
    )

    def found(*, public: bool) -> list[str]:
        more = {} if field == "path" else {field: values[field]}
        file = file_of(path, public=public, **more)
        whole = archive(record("src-1", text=None, files=[file]), named)
        report = check_archive(write(tmp_path / "a.json", whole), today=date(2026, 3, 4))
        assert "Ivanova" not in json.dumps([finding.detail for finding in report.findings])
        return [finding.code for finding in report.findings]

    assert found(public=True) == ["protected_name_present"]
    assert found(public=False) == []
