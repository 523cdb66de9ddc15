"""The scalars of the format, as tables, and the JSON Schema that is derived from the models."""

import json
from pathlib import Path
from typing import Annotated, Any

import jsonschema_rs
import pytest
from pydantic import TypeAdapter, ValidationError

from service.archive.fields import fields_of
from service.archive.identifiers import ID_LENGTH, PLURALS, PREFIXES, RECORD_TYPES, Identifier
from service.archive.model import RECORD_MODELS, Citation, Head, Part, Testimony, Withdrawn, archive_schema
from service.archive.values import (
    COUNTRIES,
    MAX_NUMBER,
    RIGHTS_STATEMENTS,
    Concept,
    Country,
    Day,
    Edtf,
    Language,
    Number,
    Page,
    Rights,
    Sha256,
    Text,
    WebAddress,
)

CORPUS = Path(__file__).parent / "corpus"


def code_of(kind: Any, value: object) -> str | None:
    """Return the type of the error that a value gives, or None."""
    adapter: TypeAdapter[object] = TypeAdapter(Annotated[kind, None])
    try:
        adapter.validate_python(value, strict=True)
    except ValidationError as error:
        return error.errors()[0]["type"]
    return None


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (Identifier, "src-a"),
        (Identifier, "rsp-1-b-"),
        (Identifier, "agt-" + "a" * (ID_LENGTH - 4)),
        (Language, "en"),
        (Language, "sr-Latn"),
        (Language, "zh-Hant-TW"),
        (Language, "und"),
        (Rights, "CC-BY-4.0"),
        (Rights, "CC0-1.0"),
        *((Rights, uri) for uri in sorted(RIGHTS_STATEMENTS)),
        *((Country, code) for code in ("RU", "FR", "XK") if code in COUNTRIES),
        (Number, 0),
        (Number, -2.5),
        (Number, MAX_NUMBER),
        (Number, -MAX_NUMBER),
        (Page, 1),
        (Page, "xii–xiv"),
        (Text, "a"),
        (Text, "a\tb\r\nc"),
        (Text, "e\u0301 עברית 𝔄"),
        (Sha256, "0123456789abcdef" * 4),
        (Day, "2021-05-09"),
        (Edtf, "2021-05-XX"),
        (WebAddress, "https://example.org/ä?b=c"),
        (Concept, "urn:example:1"),
    ],
)
def test_accepted(kind: object, value: object) -> None:
    assert code_of(kind, value) is None


@pytest.mark.parametrize(
    ("kind", "value", "code"),
    [
        (Identifier, "", "invalid_id"),
        (Identifier, "src-", "invalid_id"),
        (Identifier, "src", "invalid_id"),
        (Identifier, "src-A", "invalid_id"),
        (Identifier, "src--", "invalid_id"),
        (Identifier, "SRC-a", "invalid_id"),
        (Identifier, "xyz-a", "invalid_id"),
        (Identifier, "src-a b", "invalid_id"),
        (Identifier, "src-a\n", "invalid_id"),
        (Identifier, "src-a_b", "invalid_id"),
        (Identifier, "src-²", "invalid_id"),
        (Identifier, "src-é", "invalid_id"),
        (Identifier, "agt-" + "a" * (ID_LENGTH - 3), "invalid_id"),
        (Identifier, 7, "string_type"),
        (Language, "", "invalid_language"),
        (Language, "english", "invalid_language"),
        (Language, "en_GB", "invalid_language"),
        (Language, "en-", "invalid_language"),
        (Language, "e\0", "invalid_language"),
        (Rights, "", "invalid_rights"),
        (Rights, "cc-by-4.0", "invalid_rights"),
        (Rights, "CC-BY", "invalid_rights"),
        (Rights, "(MIT", "invalid_rights"),
        (Rights, "https://rightsstatements.org/vocab/InC/1.0/", "invalid_rights"),
        (Country, "", "invalid_value"),
        (Country, "ru", "invalid_value"),
        (Country, "UK", "invalid_value"),
        (Country, "ZZ", "invalid_value"),
        (Number, True, "invalid_type"),
        (Number, "1", "invalid_type"),
        (Number, float("nan"), "invalid_value"),
        (Number, float("inf"), "invalid_value"),
        (Number, MAX_NUMBER + 1, "invalid_value"),
        (Number, 10**400, "invalid_value"),
        (Page, True, "invalid_type"),
        (Page, 1.5, "invalid_type"),
        (Page, "", "invalid_value"),
        (Page, "a\nb", "invalid_value"),
        (Text, "", "string_too_short"),
        (Text, "a\0", "string_pattern_mismatch"),
        (Text, "\x1b[31m", "string_pattern_mismatch"),
        (Text, None, "string_type"),
        (Sha256, "", "invalid_hash"),
        (Sha256, "A" * 64, "invalid_hash"),
        (Sha256, "a" * 63 + "\n", "invalid_hash"),
        (Day, "2021-05", "invalid_date"),
        (Edtf, "2021-06/2021-05", "reversed_interval"),
        (WebAddress, "javascript:alert(1)", "invalid_value"),
        (WebAddress, "https://example.org/a b", "invalid_value"),
        (Concept, "top-a", "invalid_value"),
    ],
)
def test_refused(kind: object, value: object, code: str) -> None:
    assert code_of(kind, value) == code


@pytest.mark.parametrize(("written", "kept"), [(5.0, 5), (-0.0, 0), (2.5, 2.5), (1e3, 1000)])
def test_one_number_has_one_form(written: float, kept: float) -> None:
    number = TypeAdapter[object](Number).validate_python(written)
    assert repr(number) == repr(kept)


@pytest.mark.parametrize(
    ("fields", "evidence"),
    [
        ({}, "cited"),
        ({"page": 1}, "located"),
        ({"time": [0, 1]}, "located"),
        ({"start": 0, "end": 1, "sha256": "0" * 64}, "anchored"),
    ],
)
def test_evidence(fields: dict[str, object], evidence: str) -> None:
    assert Citation.model_validate({"source": "src-a", **fields}).evidence == evidence


def test_every_record_type_has_a_model_a_prefix_and_a_plural() -> None:
    assert tuple(RECORD_MODELS) == tuple(PREFIXES) == tuple(PLURALS) == RECORD_TYPES
    assert [model.record for model in RECORD_MODELS.values()] == list(RECORD_TYPES)


def test_records_are_not_changed_after_reading() -> None:
    archive = json.loads((CORPUS / "good.json").read_bytes())
    testimony = Testimony.model_validate({**archive["testimonies"][0], "custom": {}})
    with pytest.raises(ValidationError, match="frozen"):
        setattr(testimony, "title", "Another")  # noqa: B010 - plainly written, a type checker refuses it


def models(part: type[Part] = Part) -> set[type[Part]]:
    return {part}.union(*(models(inner) for inner in part.__subclasses__()))


@pytest.mark.parametrize("model", sorted(models(), key=str))
def test_no_part_takes_a_field_it_does_not_know(model: type[Part]) -> None:
    with pytest.raises(ValidationError) as caught:
        model.model_validate({"face": "x"})
    assert "extra_forbidden" in {error["type"] for error in caught.value.errors()}


def test_the_schema_takes_the_good_archive_and_is_a_schema() -> None:
    schema = archive_schema()
    jsonschema_rs.meta.validate(schema)
    validator = jsonschema_rs.validator_for(schema)
    archive = json.loads((CORPUS / "good.json").read_bytes())
    assert [error.message for error in validator.iter_errors(archive)] == []
    for name in ("unknown_field-record", "missing_field", "invalid_type", "invalid_value", "invalid_id"):
        assert not validator.is_valid(json.loads((CORPUS / f"{name}.json").read_bytes())), name


def _parts(model: type[Part]) -> set[type[Part]]:
    """Return a model and every model of a part that its fields hold."""
    found = {model}
    for each in fields_of(model):
        if each.part is not None:
            found |= _parts(each.part)
    return found


OUTERMOST: tuple[type[Part], ...] = (*RECORD_MODELS.values(), Withdrawn, Head)
ALL_MODELS = sorted(
    {part for model in OUTERMOST for part in _parts(model)},
    key=lambda model: model.__name__,
)


@pytest.mark.parametrize("model", ALL_MODELS)
def test_every_field_and_every_model_says_what_it_means(model: type[Part]) -> None:
    assert (model.__doc__ or "").strip()
    assert model.__doc__ != Part.__doc__
    assert [name for name, each in model.model_fields.items() if not each.description] == []
