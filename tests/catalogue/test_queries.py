"""Parameters in, SQL and binds out: as a table, without a database. And that SQLite reads them as they are meant."""

from pathlib import Path

import pytest

from service.catalogue.browsing import Catalogue
from service.catalogue.criteria import CRITERIA, document_fields, read_criteria
from service.catalogue.queries import (
    Box,
    Condition,
    Days,
    Place,
    Range,
    Since,
    Terms,
    count_statement,
    page_statement,
    sort_name,
    span_conditions,
    term_filters,
)
from service.errors import InvalidParameters
from service.release.publish import publish
from service.release.store import open_current
from tests.archives import archive, record, write

SORTS = {"updated_at": 7}


@pytest.mark.parametrize(
    ("collection", "query", "terms", "spans"),
    [
        ("events", [], {}, []),
        ("events", [("topic", "top-b"), ("topic", "top-a"), ("topic", "top-b")], {"topic": ["top-a", "top-b"]}, []),
        ("events", [("undated", "true")], {"undated": ["true"]}, []),
        ("events", [("date_from", "2021-01-01")], {}, [Days("2021-01-01", None, "possible")]),
        (
            "events",
            [("date_to", "2021-01-01"), ("date_match", "certain")],
            {},
            [Days(None, "2021-01-01", "certain")],
        ),
        ("events", [("date_match", "certain")], {}, []),
        ("events", [("bbox", "170,-10,-170,10")], {}, [Box(170, -10, -170, 10)]),
        ("statistics", [("value_min", "0")], {}, [Range(0, None)]),
        ("statistics", [("unit", "persons"), ("value_max", "-2.5")], {"unit": ["persons"]}, [Range(None, -2.5)]),
        ("topics", [("updated_since", "2026-01-31")], {}, [Since(7, "2026-01-31T00:00:00Z")]),
        ("topics", [("updated_since", "2026-01-31T01:30:00+02:00")], {}, [Since(7, "2026-01-30T23:30:00Z")]),
        ("testimonies", [("limit", "5"), ("sort", "-id"), ("fields", "id")], {}, []),
    ],
)
def test_criteria_become_conditions(
    collection: str, query: list[tuple[str, str]], terms: dict[str, list[str]], spans: list[Condition]
) -> None:
    criteria = read_criteria(CRITERIA[collection], query)
    found = {name: sorted(set(values)) for name, values in term_filters(criteria).items()}
    assert found == terms
    assert span_conditions(criteria, sorts=SORTS) == spans


def flat(sql: str) -> str:
    return " ".join(sql.split())


@pytest.mark.parametrize(
    ("conditions", "part", "binds"),
    [
        ([Terms((3,))], "posting.term IN (?)", (3,)),
        ([Terms((3, 5))], "DISTINCT posting.ordinal", (3, 5)),
        ([Days("a", "b", "possible")], "event_date.latest >= ? AND event_date.earliest <= ?", ("a", "b")),
        ([Days("a", None, "certain")], "event_date.earliest >= ? AND event_date.earliest > '0000-00-00'", ("a",)),
        ([Box(1, 2, 3, 4)], "longitude >= ? AND event_point.longitude <= ?", (2, 4, 1, 3)),
        ([Box(3, 2, 1, 4)], "longitude >= ? OR event_point.longitude <= ?", (2, 4, 3, 1)),
        ([Range(1, 2)], "statistic_range.high >= ? AND statistic_range.low <= ?", (1, 2)),
        ([Since(7, "m")], 'changed.sort = ? AND changed."key" >= ?', (7, "m")),
        ([Terms((3,)), Terms((4,))], "WHERE EXISTS (SELECT 1 FROM posting WHERE posting.ordinal = found.ordinal", (3, 4)),
    ],
)  # fmt: skip
def test_conditions_become_counts(conditions: list[Condition], part: str, binds: tuple[object, ...]) -> None:
    sql, bound = count_statement(conditions)
    assert part in flat(sql)
    assert bound == binds


def test_a_page_is_cut_before_its_documents_are_read() -> None:
    sql, binds = page_statement(
        [Terms((3,))], sort=1, descending=False, after=Place("k", 9), limit=21, gather=False
    )  # fmt: skip
    assert flat(sql) == (
        'SELECT page."key", page.ordinal, record.id, record.document FROM (SELECT position."key" AS "key", '
        "position.ordinal AS ordinal FROM position WHERE position.sort = ? AND (EXISTS (SELECT 1 FROM posting WHERE "
        'posting.ordinal = position.ordinal AND posting.term IN (?))) AND (position."key", position.ordinal) > (?, ?) '
        'ORDER BY position."key" ASC, position.ordinal ASC LIMIT ? OFFSET 0) AS page JOIN record ON '
        'record.ordinal = page.ordinal ORDER BY page."key" ASC, page.ordinal ASC'
    )
    assert binds == (1, 3, "k", 9, 21)
    backward, _ = page_statement([], sort=1, descending=True, after=Place("k", 9), limit=21, gather=True)
    assert '(position."key", position.ordinal) < (?, ?)' in flat(backward)
    assert "DESC" in backward


@pytest.mark.parametrize(
    ("sort", "expected"),
    [("date", ("date", False)), ("-date", ("-date", True)), ("id", ("id", False)), ("-title", ("title", True))],
)
def test_only_dated_orders_are_stored_twice(sort: str, expected: tuple[str, bool]) -> None:
    assert sort_name(read_criteria(CRITERIA["events"], [("sort", sort)])) == expected


def test_statements_are_compiled_once_a_shape() -> None:
    first, _ = count_statement([Terms((1, 2)), Days("a", None, "possible")])
    second, _ = count_statement([Terms((8, 9)), Days("b", None, "possible")])
    assert first is second


@pytest.mark.parametrize(
    ("gather", "walked"), [(False, "SEARCH position USING PRIMARY KEY (sort=?"), (True, "position_of_record")]
)
def test_a_walk_follows_the_order_and_a_gathering_does_not(tmp_path: Path, gather: bool, walked: str) -> None:
    publish(write(tmp_path / "a.json", archive(*(record(f"tes-{n}") for n in range(50)))), tmp_path / "data")
    catalogue = Catalogue(open_current(tmp_path / "data"))
    sql, binds = page_statement([Terms((1,))], sort=1, descending=False, after=None, limit=21, gather=gather)
    plan = " / ".join(row[3] for row in catalogue.release.rows(f"EXPLAIN QUERY PLAN {sql}", binds))
    assert walked in plan
    assert "SCAN position" not in plan
    assert gather or "TEMP B-TREE FOR ORDER BY" not in plan.split("record")[0]


def test_filters_in_another_order_are_the_same_list() -> None:
    model = CRITERIA["testimonies"]
    one = read_criteria(model, [("topic", "top-a"), ("topic", "top-b"), ("language", "en")])
    other = read_criteria(model, [("language", "en"), ("topic", "top-b"), ("topic", "top-a"), ("limit", "3")])
    assert one.fingerprint == other.fingerprint
    assert one.fingerprint != read_criteria(model, [("topic", "top-a"), ("language", "en")]).fingerprint


def test_every_key_of_a_document_can_be_asked_for() -> None:
    for model in CRITERIA.values():
        fields = document_fields(model.record)
        assert {"id", "record", "version", "updated_at", "access"} <= set(fields)
        assert read_criteria(model, [("fields", ",".join(fields))]).fields == list(fields)
        with pytest.raises(InvalidParameters, match="no key"):
            read_criteria(model, [("fields", "nothing")])
