"""The archive that speed is measured with: it is valid, and holds what real archives do unless that is left out."""

from datetime import date
from pathlib import Path
from typing import Any

import orjson
import pytest

from service.archive.checks import check_archive
from service.archive.tables.writing import head_of
from tests.bench.archives import generated
from tests.bench.generate import DECLARED, MANY_FIELDS, MANY_TERMS, Holding, write_archive
from tests.bench.tables import as_tables, as_workbook, check

#: What is left out of a plain archive.
MORE = {"custom", "claims", "relations", "files"}


def lines_of(folder: Path, holding: Holding) -> list[dict[str, Any]]:
    path = folder / f"{holding}.jsonl"
    write_archive(path, 120, holding=holding)
    assert check_archive(path, today=date(2026, 1, 31)).ok
    return [orjson.loads(line) for line in path.read_bytes().splitlines()]


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    folder = tmp_path_factory.mktemp("archives")
    return lines_of(folder, "real"), lines_of(folder, "plain")


def test_it_has_own_fields_claims_relations_and_files(both: tuple[list[dict[str, Any]], ...]) -> None:
    [head, *records], _ = both
    assert DECLARED.items() <= head["archive"].items()
    assert {name for each in records for name in each} >= MORE


def test_without_them_it_is_the_same(both: tuple[list[dict[str, Any]], ...]) -> None:
    [head, *records], [plain_head, *plain_records] = both
    assert {name: value for name, value in head["archive"].items() if name not in DECLARED} == plain_head["archive"]
    assert [{name: value for name, value in each.items() if name not in MORE} for each in records] == plain_records


def test_one_may_have_very_many_own_fields_and_terms(tmp_path: Path) -> None:
    head, *records = lines_of(tmp_path, "many fields")
    assert len(head["archive"]["fields"]["testimony"]) == MANY_FIELDS
    assert len(head["archive"]["vocabularies"]["many"]["terms"]) == MANY_TERMS
    stated = {name for each in records for name in each.get("custom", ())}
    assert len(stated) == MANY_FIELDS


def test_tables_and_a_workbook_are_made_of_it_and_checked(tmp_path: Path) -> None:
    archive = generated(tmp_path, 40)
    folder = tmp_path / "tables"
    rows = as_tables(archive, folder)
    assert rows > 40 * 3
    workbook = tmp_path / "archive.xlsx"
    as_workbook(folder, head_of(archive), workbook)
    for each in (folder, workbook):
        cost = check(each)
        assert cost.seconds > 0
        assert cost.memory > 1
