"""Parameters in, conditions out: as a table, without a release."""

import pytest

from service.catalogue.parameters import read_criteria
from service.catalogue.queries import Box, Days, Range, Since, Span, Terms, conditions_of, order_of
from service.errors import InvalidParameters
from tests.archives import CRITERIA


@pytest.mark.parametrize(
    ("collection", "query", "terms", "spans"),
    [
        ("events", [], [], []),
        (
            "events",
            [("topic", "top-b"), ("topic", "top-a"), ("topic", "top-b")],
            [Terms("topic", ("top-a", "top-b"))],
            [],
        ),
        ("events", [("undated", "true")], [Terms("undated", ("true",))], []),
        ("events", [("date_from", "2021-01-01")], [], [Days("date", "2021-01-01", None, "possible")]),
        (
            "events",
            [("date_to", "2021-01-01"), ("date_match", "certain")],
            [],
            [Days("date", None, "2021-01-01", "certain")],
        ),
        ("events", [("date_match", "certain")], [], []),
        ("events", [("bbox", "170,-10,-170,10")], [], [Box(170, -10, -170, 10)]),
        ("statistics", [("value_min", "0")], [], [Range("value", 0, None)]),
        (
            "statistics",
            [("unit", "persons"), ("value_max", "-2.5")],
            [Terms("unit", ("persons",))],
            [Range("value", None, -2.5)],
        ),
        ("topics", [("updated_since", "2026-01-31")], [], [Since("2026-01-31T00:00:00Z")]),
        ("topics", [("updated_since", "2026-01-31T01:30:00+02:00")], [], [Since("2026-01-30T23:30:00Z")]),
        ("testimonies", [("limit", "5"), ("sort", "-id"), ("fields", "id")], [], []),
    ],
)
def test_criteria_become_conditions(
    collection: str, query: list[tuple[str, str]], terms: list[Terms], spans: list[Span]
) -> None:
    assert conditions_of(read_criteria(CRITERIA[collection], query)) == (terms, spans, [])


def test_what_excludes_and_what_states_nothing() -> None:
    asked = [("topic!", "top-1"), ("topic", "null"), ("type!", "null"), ("type!", "arrest")]
    assert conditions_of(read_criteria(CRITERIA["events"], asked)) == (
        [Terms("topic", ("",))],
        [],
        [Terms("topic", ("top-1",)), Terms("type", ("arrest", ""))],
    )


@pytest.mark.parametrize(
    ("sort", "expected"),
    [("date", ("date", False)), ("-date", ("-date", True)), ("id", ("id", False)), ("-title", ("title", True))],
)
def test_only_dated_orders_are_stored_twice(sort: str, expected: tuple[str, bool]) -> None:
    assert order_of(read_criteria(CRITERIA["events"], [("sort", sort)])) == expected


def test_filters_in_another_order_are_the_same_list() -> None:
    model = CRITERIA["testimonies"]
    one = read_criteria(model, [("topic", "top-a"), ("topic", "top-b"), ("language", "en")])
    other = read_criteria(model, [("language", "en"), ("topic", "top-b"), ("topic", "top-a"), ("limit", "3")])
    assert one.fingerprint == other.fingerprint
    assert one.fingerprint != read_criteria(model, [("topic", "top-a"), ("language", "en")]).fingerprint


def test_every_key_of_a_document_can_be_asked_for() -> None:
    for model in CRITERIA.values():
        fields = model.KEYS
        assert {"id", "record", "version", "updated_at", "access"} <= set(fields)
        assert read_criteria(model, [("fields", ",".join(fields))]).fields == fields
        with pytest.raises(InvalidParameters, match="no key"):
            read_criteria(model, [("fields", "nothing")])


@pytest.mark.parametrize(
    "box",
    ["1_0,2,3,4", "１,2,3,4", " 1,2,3,4", "+1,2,3,4", "nan,2,3,4", "inf,2,3,4", "0x1,2,3,4", "1.,2,3,4", ",2,3,4"],
)
def test_a_box_has_plain_numbers(box: str) -> None:
    with pytest.raises(InvalidParameters) as refused:
        read_criteria(CRITERIA["events"], [("bbox", box)])
    [error] = refused.value.errors
    assert error.parameter == "bbox"
