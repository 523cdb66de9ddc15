"""The archive that speed is measured with: it is valid, and holds what real archives do unless that is left out."""

from datetime import date
from pathlib import Path
from typing import Any

import orjson
import pytest

from service.archive.checks import check_archive
from tests.bench.generate import DECLARED, write_archive

#: What is left out of a plain archive.
MORE = {"custom", "claims", "relations", "files"}


def lines_of(folder: Path, *, plain: bool) -> list[dict[str, Any]]:
    path = folder / f"{plain}.jsonl"
    write_archive(path, 120, plain=plain)
    assert check_archive(path, today=date(2026, 1, 31)).ok
    return [orjson.loads(line) for line in path.read_bytes().splitlines()]


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    folder = tmp_path_factory.mktemp("archives")
    return lines_of(folder, plain=False), lines_of(folder, plain=True)


def test_it_has_own_fields_claims_relations_and_files(both: tuple[list[dict[str, Any]], ...]) -> None:
    [head, *records], _ = both
    assert DECLARED.items() <= head["archive"].items()
    assert {name for each in records for name in each} >= MORE


def test_without_them_it_is_the_same(both: tuple[list[dict[str, Any]], ...]) -> None:
    [head, *records], [plain_head, *plain_records] = both
    assert {name: value for name, value in head["archive"].items() if name not in DECLARED} == plain_head["archive"]
    assert [{name: value for name, value in each.items() if name not in MORE} for each in records] == plain_records
