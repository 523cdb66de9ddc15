"""Documents have the shapes the API describes them with, and index entries the filters it offers."""

import json
from contextlib import closing
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import TypeAdapter, ValidationError

from service.archive.collation import collation_of
from service.archive.declarations import stated_in
from service.archive.fields import archive_fields
from service.archive.identifiers import PLURALS
from service.catalogue.criteria import sort_choices
from service.release.documents import document_shapes, evidence_of
from service.release.indexing import UNKNOWN, date_key, days_of, sort_key, stated_range
from service.release.labels import shown_label
from service.release.opening import open_current
from service.release.publish import publish
from tests.archives import CRITERIA, FIELDS

GOOD = Path(__file__).parent.parent / "archive" / "corpus" / "good.json"


def closed(schema: Any) -> Any:
    """Return a JSON Schema with no room for keys that it does not name."""
    if isinstance(schema, dict):
        schema = {key: closed(value) for key, value in schema.items()}
        if schema.get("type") == "object" and "properties" in schema:
            schema["additionalProperties"] = False
    return [closed(each) for each in schema] if isinstance(schema, list) else schema


#: Of the good archive, which has fields of its own.
SHAPES = document_shapes(archive_fields(stated_in(GOOD)))


def test_every_document_has_exactly_its_shape(tmp_path: Path) -> None:
    import jsonschema_rs

    publish(GOOD, tmp_path / "data")
    seen = set()
    with closing(open_current(tmp_path / "data")) as release:
        documents = release.documents([ordinal for (ordinal,) in release.rows("SELECT ordinal FROM record")])
    for document in documents:
        shown = json.loads(document)
        schema = closed(TypeAdapter(SHAPES[shown["record"]]).json_schema())
        jsonschema_rs.validate(schema, shown)
        seen.add(shown["record"])
    assert seen == set(SHAPES)


def test_a_shape_would_notice() -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(SHAPES["topic"]).validate_python({"record": "topic"})


@pytest.mark.parametrize(
    ("citation", "evidence"),
    [
        ({"source": "src-1"}, "cited"),
        ({"source": "src-1", "page": 3}, "located"),
        ({"source": "src-1", "time": [1, 2]}, "located"),
        ({"source": "src-1", "start": 0, "end": 1, "sha256": "0" * 64}, "anchored"),
    ],
)
def test_evidence_is_as_close_as_its_locator(citation: dict[str, Any], evidence: str) -> None:
    assert evidence_of(citation) == evidence


@pytest.mark.parametrize(
    ("agent", "label"),
    [
        ({"name_policy": "published", "name": "Ada", "label": "A witness"}, "Ada"),
        ({"name_policy": "pseudonym", "label": "Mara"}, "Mara"),
        ({"name_policy": "withheld", "label": "A police officer"}, "A police officer"),
    ],
)
def test_a_name_is_shown_only_where_it_is_published(agent: dict[str, Any], label: str) -> None:
    assert shown_label({"record": "agent", **agent}) == label


@pytest.mark.parametrize("collection", CRITERIA)
def test_the_sorts_offered_are_the_sorts_indexed(collection: str) -> None:
    offered = sort_choices(CRITERIA[collection])
    indexed = tuple(sign + name for name in CRITERIA[collection].SORTS for sign in ("", "-"))
    assert offered == (*indexed, "relevance")
    assert CRITERIA[collection].model_fields["sort"].default == offered[0]
    assert PLURALS[CRITERIA[collection].record] == collection
    assert get_args(CRITERIA[collection].model_fields["sort"].annotation) == offered


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("Ärger", "arger"),
        ("É", "e"),
        ("Straße", "strasse"),
        ("Ёлка", "елка"),
        ("٣", "٣"),
        ("", ""),
        ("a" * 99, "a" * 64),
    ],
)
def test_text_is_ordered_without_case_and_accents(text: str, key: str) -> None:
    assert collation_of("en").key(text) == key


@pytest.mark.parametrize(
    ("edtf", "keys"),
    [
        ("2021-05", ("2021-05-01", "2021-05-01")),
        ("../2021", ("2021-12-31", "2021-12-31")),
        ("XXXX-05-09", (UNKNOWN, "")),
        (None, (UNKNOWN, "")),
    ],
)
def test_an_unknown_date_is_last_both_ways(edtf: str | None, keys: tuple[str, str]) -> None:
    key = date_key(edtf)
    assert tuple(sort_key(FIELDS["event"], order, ["", key], "") for order in ("date", "-date")) == keys


def test_days_of_events() -> None:
    assert days_of("2022-02/..") == ("2022-02-01", "9999-99-99")
    assert days_of("XXXX-05-09") == ("0000-00-00", "9999-99-99")


@pytest.mark.parametrize(
    ("figure", "expected"),
    [
        ({"value": 160000}, (160000, 160000)),
        ({"lower": 5, "upper": 6}, (5, 6)),
        ({}, None),
        ({"value": 2000, "lower": 2000, "lower_inclusive": False}, (2000.0000000000002, float("inf"))),
        ({"value": 3, "upper": 3, "upper_inclusive": False}, (float("-inf"), 2.9999999999999996)),
    ],
)
def test_stated_ranges(figure: dict[str, Any], expected: tuple[float, float] | None) -> None:
    assert stated_range(figure) == expected
