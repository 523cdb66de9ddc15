"""What a check prints may be pasted anywhere: it names places and identifiers, never what stands there."""

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from service.archive.checks import check_archive
from service.archive.checks.subjects import with_subjects
from service.archive.identifiers import PLURALS
from tests.archives import Fields, archive, record, write
from tests.safety.canaries import OWN, canaries, one_of_each

#: What no field of the format takes where another is put there: of the wrong type, or no value of that field.
WRONG: tuple[Any, ...] = ("qzcanary0000k жъщканар", ["qzcanary0000k"], {"nothing": "qzcanary0000k"}, 10**16, None)


def spoiled(each: Fields) -> Iterator[Fields]:
    """Yield a record with each field taken out, and with something wrong in each, inside its parts too."""
    for key, value in each.items():
        if key == "id":
            continue
        yield {name: other for name, other in each.items() if name != key}
        yield from ({**each, key: wrong} for wrong in WRONG)
        if isinstance(value, dict) and key != "private":
            yield from ({**each, key: inner} for inner in spoiled(value))
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            yield from ({**each, key: [inner]} for inner in spoiled(value[0]))


def test_no_finding_repeats_a_text(tmp_path: Path) -> None:
    mark = canaries(known="qzknown")
    whole = archive(*one_of_each(mark, visibility="restricted"), **OWN)
    number = 0
    path = tmp_path / "a.jsonl"
    for plural in PLURALS.values():
        for each in whole[plural][:2]:
            # All at once: they are findings about the same identifier, and about their own field.
            report = check_archive(
                write(path, {**whole, plural: [*whole[plural], *spoiled(each)]}), today=date(2026, 3, 4)
            )
            number += len(report.findings)
            told = json.dumps(
                [[found.code, found.pointer, found.detail] for found in report.findings], ensure_ascii=False
            )
            # Where it stands is told by keys, of which languages are some.
            shown = told.lower().replace("en-x-qzcanary", "")
            assert "qzcanary" not in shown
            assert "жъщканар" not in shown
    assert number > 2000


@pytest.mark.parametrize(
    "access",
    [
        {"visibility": "restricted"},
        {"visibility": "embargoed", "embargo_until": "2030-01-01"},
        {"consent_basis": "direct", "consent": {"expires": "2026-03-04"}},
        {"consent_basis": "direct", "consent": {"scope": ["research"]}},
        {"visibility": "no such word"},
    ],
)
def test_a_finding_is_told_with_no_title_of_what_is_hidden(tmp_path: Path, access: Fields) -> None:
    hidden = record("evt-1", title="Qzcanary", date="no day", access=access)
    path = write(tmp_path / "a.json", archive(hidden, record("evt-2", title="Shown", date="no day")))
    report = check_archive(path, today=date(2026, 3, 4))
    told = {(each.record, each.title) for each in with_subjects(path, report.findings, today=date(2026, 3, 4))}
    assert told == {("evt-1", None), ("evt-2", "Shown")}
