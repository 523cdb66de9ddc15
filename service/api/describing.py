"""The OpenAPI description, drawn from what the server itself goes by: criteria, document shapes, problem classes."""

from collections.abc import Collection, Iterable
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import TypeAdapter

from service import __version__
from service.api.atom import feed_parameters
from service.api.formats import formats_of
from service.api.operations import FEATURES, SCHEMAS, query_schema
from service.api.parameters import identifier_parameter, of_json, query_parameters
from service.api.shapes import (
    FeatureCollection,
    page_shape,
)
from service.archive.fields import ArchiveFields
from service.catalogue.criteria import (
    Criteria,
    Listed,
    QueryAddress,
    criteria_of,
    view_of,
)
from service.catalogue.parameters import EXCLUDED
from service.http import problems
from service.http.negotiation import JSON
from service.release.documents import document_shapes

#: The schema of what `include` adds to one record.
_INCLUDED = "Included"
#: The same of what it adds to a testimony besides.
_WITH_TRANSCRIPT = "IncludedTranscript"


DESCRIPTION = """
A read-only archive of human-rights testimony: who testified to what, what happened, which figures were stated, and the
source of each claim.

Lists are paged by `cursor`: follow `links.next`. Filters with different names mean *and*; the same name given again means
*or*. Errors are problems (RFC 9457) and say what would be accepted. An answer belongs to one release, named in
`Archive-Release`; ask again with its `ETag` and get `304` until there is a newer one.

Records are shown in translation where `Accept-Language` or `lang` asks for one and there is one; each record says in
`language_of` which language its texts are in. `/v1/changes` tells mirrors what is new, what has changed, and above all
what was withdrawn.
"""


def describe(app: FastAPI, fields: ArchiveFields) -> dict[str, Any]:
    """Return the OpenAPI description of the application, as it serves an archive with these fields. Made once for the
    same fields, on the first request for it.
    """
    made: tuple[ArchiveFields, dict[str, Any]] | None = getattr(app.state, "description", None)
    if made is None or made[0] is not fields:
        made = app.state.description = (fields, _described(app, fields))
    return made[1]


def _described(app: FastAPI, fields: ArchiveFields) -> dict[str, Any]:
    description = get_openapi(
        title="Testimony Archive",
        version=__version__,
        openapi_version="3.1.0",
        description=DESCRIPTION.strip(),
        routes=app.routes,
    )
    schemas = description.setdefault("components", {}).setdefault("schemas", {})
    _add_schemas(schemas, {"ProblemDocument": problems.ProblemDocument, FEATURES: FeatureCollection})
    shapes = document_shapes(fields)
    included = _included(shape.__name__ for shape in shapes.values())
    schemas[_INCLUDED] = {
        "type": "object",
        "title": _INCLUDED,
        "description": "What `include` adds to one record.",
        "properties": included,
    }
    schemas[_WITH_TRANSCRIPT] = {
        "type": "object",
        "title": _WITH_TRANSCRIPT,
        "description": "What `include=transcript` adds to a testimony.",
        "properties": {
            "transcript": {
                "anyOf": [_named_schema("Transcript"), {"type": "null"}],
                "description": "With `include=transcript`: what was said, as at the transcript's own address. Null where there is none.",
            }
        },
    }
    for collection, model in criteria_of(fields).items():
        shape = shapes[model.record]
        page = page_shape(shape.__name__.replace("Document", "Page"), shape)
        _add_schemas(schemas, {shape.__name__: shape, page.__name__: page})
        either = _with_fields_chosen(schemas, shape.__name__)
        schemas[page.__name__]["properties"]["data"]["items"] = either
        _describe_list(description, model, page.__name__)
        schemas[page.__name__]["properties"] |= included
        one = description["paths"][f"/v1/{collection}/{{id}}"]["get"]
        view = query_parameters(view_of(fields.collection(collection)))
        one["parameters"] = [identifier_parameter(model.record), *view]
        beside = [_INCLUDED, *([_WITH_TRANSCRIPT] if model.record == "testimony" else [])]
        one["responses"]["200"]["content"] = {JSON: {"schema": _with_included(schemas, either, beside)}}
    return description


def answer_name(document: str) -> str:
    """Return the name of the schema of a record that is asked for by itself, given that of the record."""
    return document.removesuffix("Document") + "Answer"


def _with_included(schemas: dict[str, Any], either: dict[str, Any], beside: list[str]) -> dict[str, Any]:
    """Say what `include` adds to a record that is asked for by itself.

    It stands in no record's own schema: those that are included would hold it again, and so on, which takes a program that
    puts schemas in place of their names half a minute.
    """
    answers = []
    for named in either["anyOf"]:
        name = named["$ref"].rpartition("/")[2]
        answer = answer_name(name)
        schemas[answer] = {
            "title": answer,
            "description": "A record that was asked for by itself, with what it includes.",
            "allOf": [named, *map(_named_schema, beside)],
        }
        answers.append(_named_schema(answer))
    return {"anyOf": answers}


def _included(documents: Iterable[str]) -> dict[str, Any]:
    """Return the properties of an answer with `include`: of a page, or of one record."""
    either = [_named_schema(name) for name in documents]
    return {
        "included": {
            "type": "array",
            "items": {"anyOf": either},
            "description": "With `include`: the records that belong to what is shown, each once. Not in lists' records.",
        },
        "included_total": {
            "type": "integer",
            "minimum": 0,
            "description": "With `include`: how many there are; 1,000 at most are given.",
        },
    }


def _named_schema(name: str) -> dict[str, Any]:
    return {"$ref": SCHEMAS + name}


def _add_schemas(schemas: dict[str, Any], shapes: dict[str, Any]) -> None:
    for name, shape in shapes.items():
        schema = TypeAdapter(shape).json_schema(ref_template=SCHEMAS + "{model}")
        schemas.update(schema.pop("$defs", {}))
        schemas[name] = schema


def _describe_list(description: dict[str, Any], model: type[Criteria], page: str) -> None:
    """Complete the description of a list, of its files and of its feed by their parameters, and by what the page holds.

    The page is described as JSON alone, so that generated clients have one type for it: the other formats, which `format`
    and `Accept` choose as well, have addresses of their own.
    """
    paths, schemas, listed = description["paths"], description["components"]["schemas"], f"/v1/{model.collection}"
    # What this collection alone may be asked for comes first, then what all may, and how the list is shown at last.
    shared = {*Listed.model_fields, "id", "refers_to", "identifier", "tag", "licence"}
    parameters = sorted(
        query_parameters(model),
        key=lambda each: (each["name"] in model.PRESENTATION, each["name"] in shared or each["name"] == EXCLUDED),
    )
    for parameter in parameters:
        if parameter["name"] == EXCLUDED:
            excluding = {"description": parameter["description"], **parameter["schema"]}
            parameter["schema"] = _named(schemas, page.replace("Page", "Excluding"), excluding)
    page_operation = paths[listed]["get"]
    page_operation["parameters"] = [of_json(each) for each in parameters if each["name"] != "bom"]
    page_operation["responses"]["200"]["content"] = {JSON: {"schema": _named_schema(page)}}
    for name, each in formats_of(model).items():
        if each.writer is not None:
            left_out = {"format", *model.PAGING, *([] if name == "csv" else ["bom"])}
            paths[f"{listed}.{each.suffix}"]["get"]["parameters"] = _without(parameters, left_out)
    query = paths[f"{listed}/query"]["post"]
    query["parameters"] = query_parameters(QueryAddress)
    asked = query_schema(model)
    if EXCLUDED in asked["properties"]:
        excluding = asked["properties"][EXCLUDED]
        described = {"description": excluding["description"]}
        asked["properties"][EXCLUDED] = _named(schemas, excluding["title"], excluding) | described
    query["requestBody"] = {"required": True, "content": {JSON: {"schema": _named(schemas, asked["title"], asked)}}}
    query["responses"]["200"]["content"] = page_operation["responses"]["200"]["content"]
    left_out = set(model.model_fields) - feed_parameters(model)
    paths[f"{listed}.atom"]["get"]["parameters"] = _without(parameters, left_out)


def _named(schemas: dict[str, Any], name: str, schema: dict[str, Any]) -> dict[str, Any]:
    """Put a schema among those with a name, and return what leads to it: clients then have one type for it."""
    schemas[name] = schema
    return _named_schema(name)


def _without(parameters: list[dict[str, Any]], names: Collection[str]) -> list[dict[str, Any]]:
    return [each for each in parameters if each["name"] not in names]


def _with_fields_chosen(schemas: dict[str, Any], whole: str) -> dict[str, Any]:
    """Say what `fields` does to an answer: beside each record's schema put one of the same keys, none of them required."""
    some = whole.replace("Document", "Fields")
    schemas[some] = {
        "type": "object",
        "title": some,
        "description": "With `fields`: only the keys asked for.",
        "properties": schemas[whole]["properties"],
        "minProperties": 1,
    }
    return {"anyOf": [_named_schema(whole), _named_schema(some)]}
