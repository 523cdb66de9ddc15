"""The OpenAPI description, drawn from what the server itself goes by: criteria, document shapes, problem classes."""

import re
from collections.abc import Collection, Iterable
from typing import Annotated, Any, get_args, get_origin

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import TypeAdapter
from starlette.responses import PlainTextResponse, Response

from service import __version__
from service.api.atom import feed_parameters
from service.api.formats import FORMATS, formats_of
from service.api.shapes import (
    Changes,
    FeatureCollection,
    History,
    ReleasePage,
    SearchPage,
    StatedRelease,
    Suggestions,
    Transcript,
    Vocabularies,
    VocabularyDocument,
    page_shape,
)
from service.archive.fields import ArchiveFields
from service.archive.identifiers import PREFIXES, RecordType
from service.archive.values import MAX_FILE_NAME
from service.catalogue.criteria import (
    ChangeCriteria,
    Criteria,
    Listed,
    QueryAddress,
    SearchCriteria,
    SuggestCriteria,
    TranscriptView,
    criteria_of,
    view_of,
)
from service.catalogue.parameters import EXCLUDED, MAX_POSTED, MAX_VALUES, NULL, OR_NULL, Parameters, parameter_schemas
from service.catalogue.queries import EXCLUDING
from service.catalogue.releases import ReleaseCriteria
from service.catalogue.vocabularies import VocabularyView
from service.errors import (
    BadRequest,
    Broken,
    Busy,
    ContentTooLarge,
    InternalError,
    InvalidCursor,
    InvalidParameters,
    NotAcceptable,
    NotFound,
    NotReady,
    Problem,
    RangeNotSatisfiable,
    StartOver,
    TooDeep,
    UnsupportedMediaType,
    UriTooLong,
    Withdrawn,
)
from service.http import problems
from service.http.negotiation import ATOM, JSON, JSONLD, NDJSON, TEXT, VTT
from service.http.ranges import MOST_PARTS
from service.release.documents import document_shapes

#: The name of the schema of GeoJSON.
FEATURES = FeatureCollection.__name__
_SCHEMAS = "#/components/schemas/"
_PROBLEM = {"$ref": f"{_SCHEMAS}ProblemDocument"}

_HEADERS = {
    "Archive-Release": ("The id of the release that answered.", {"type": "string"}),
    "Content-Language": (
        "The languages of the texts shown, where a translation was asked for; `language_of` names that of each.",
        {"type": "string"},
    ),
    "Repr-Digest": ("SHA-256 of the bytes sent (RFC 9530), in base64.", {"type": "string"}),
    "ETag": ("Changes when the answer does.", {"type": "string"}),
    "Link": ("The pages beside this one (RFC 8288).", {"type": "string"}),
    "Retry-After": ("Seconds after which to try again.", {"type": "integer"}),
    "X-Request-ID": (
        "The id of the request: with every problem, and where the request had one or requests are logged.",
        {"type": "string"},
    ),
    "Allow": ("What this address answers.", {"type": "string"}),
    "Archive-Total": (
        "Not with JSON. Records in this answer: an answer with fewer was cut short.",
        {"type": "integer", "minimum": 0},
    ),
    "Archive-Omitted": (
        "With GeoJSON: records of the list that have no point and are left out.",
        {"type": "integer", "minimum": 0},
    ),
    "Content-Disposition": ("A name to save the file under.", {"type": "string"}),
    "Content-Range": ("Which bytes these are, and of how many (RFC 9110, section 14.4).", {"type": "string"}),
    "Accept-Ranges": ("That parts can be asked for: bytes.", {"type": "string"}),
}

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


def headers(*names: str) -> dict[str, Any]:
    """Return how response headers are described."""
    return {name: {"description": _HEADERS[name][0], "schema": _HEADERS[name][1]} for name in names}


def problem_responses(*classes: type[Problem]) -> dict[int | str, dict[str, Any]]:
    """Return the responses of an operation that are problems. Those any address may give are always among them."""
    responses: dict[int | str, dict[str, Any]] = {}
    every: list[type[Problem]] = [*classes, BadRequest, UriTooLong, InternalError]
    if NotReady in classes:
        every += [Broken, Busy]
    for problem in sorted(every, key=lambda each: each.status):
        known = responses.get(problem.status)
        description = problem.title if known is None else f"{known['description']}; or: {problem.title.lower()}"
        responses[problem.status] = {
            "description": description,
            "content": {problems.MEDIA_TYPE: {"schema": _PROBLEM}},
            "headers": headers("X-Request-ID", *(["Retry-After"] if problem.status == NotReady.status else [])),
        }
    return responses


def identifier_parameter(record: RecordType) -> dict[str, Any]:
    """Return the part of an address that names a record of a type."""
    pattern = rf"^{PREFIXES[record]}-[a-z0-9-]{{1,60}}$"
    identifier = {"type": "string", "pattern": pattern, "examples": [f"{PREFIXES[record]}-001"]}
    return {"name": "id", "in": "path", "required": True, "schema": identifier, "description": "The identifier."}


#: What the filters that leave records out are described under. The name itself is in no address.

#: The schema of what `include` adds to one record.
_INCLUDED = "Included"


def query_parameters(model: type[Parameters]) -> list[dict[str, Any]]:
    """Return the query parameters that a model reads.

    `NAME!` is described as one property of an object that is spread over the address: generators of clients make the same
    identifier of `topic` and `topic!`, and would leave out the whole operation. Each has one value there, since OpenAPI
    leaves open how lists within an object are spread.
    """
    parameters = _each_parameter(model)
    spread = {
        each["name"]: each["schema"]["items"] | {"description": each["description"]}
        for each in parameters
        if each["name"].endswith(EXCLUDING)
    }
    alone = [each for each in parameters if each["name"] not in spread]
    if not spread:
        return alone
    return [
        *alone,
        {
            "name": EXCLUDED,
            "in": "query",
            "required": False,
            "description": (
                "What leaves records out: each property is a parameter of its own, as in `topic!=top-001`. "
                "In an address it may be given again with another value."
            ),
            "style": "form",
            "explode": True,
            "schema": {"type": "object", "properties": spread, "additionalProperties": False},
        },
    ]


def _each_parameter(model: type[Parameters]) -> list[dict[str, Any]]:
    parameters = []
    needed = {name for name, field in model.model_fields.items() if field.is_required()}
    for name, described in parameter_schemas(model).items():
        schema = dict(described)
        parameter = {
            "name": name,
            "in": "query",
            "required": name in needed,
            "description": schema.pop("description", ""),
        }
        if any(mark is OR_NULL for mark in _marks_of_value(model, name)):
            schema["items"] = _or_null(schema["items"])
        if name in model.COMMA_SEPARATED:
            parameter |= {"style": "form", "explode": False}
        parameters.append(parameter | {"schema": schema})
    return parameters


def _marks_of_value(model: type[Parameters], name: str) -> tuple[object, ...]:
    """Return the marks of one value of a parameter that takes several."""
    annotation = model.model_fields[name].annotation if name in model.model_fields else None
    value = next(iter(get_args(annotation)), None)
    return get_args(value)[1:] if get_origin(value) is Annotated else ()


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a value that may be null, as an address has it."""
    if "enum" in schema:
        return schema | {"enum": [*schema["enum"], NULL]}
    if schema.get("type") == "string" and "format" not in schema:
        # One type and no union, which is what people who generate clients can use.
        pattern = schema.get("pattern")
        is_any = pattern is None or re.search(pattern, NULL) is not None
        return schema if is_any else schema | {"pattern": f"{pattern}|^{NULL}$"}
    return {"anyOf": [schema, {"type": "string", "const": NULL}]}


#: What the file of a whole list holds, by the name of its format.
_FILES: dict[str, dict[str, Any]] = {
    "csv": {"type": "string", "description": "RFC 4180, with a header row."},
    "ndjson": {"type": "string", "description": "One record a line."},
    "geojson": {"$ref": f"{_SCHEMAS}{FEATURES}"},
}


def whole_list_operation(collection: str, name: str) -> dict[str, Any]:
    """Return how a whole list in one format is described, but for its parameters: see `describe`."""
    return {
        "operation_id": f"list_{collection}_{name}",
        "summary": f"All {collection} that a list has, as {name.upper()}",
        "response_model": None,
        "responses": {
            200: {
                "description": f"The {collection}, whole, in their order",
                "content": {FORMATS[name].media_type: {"schema": _FILES[name]}},
                "headers": headers(
                    *("Archive-Release", "ETag", "Archive-Total", "Content-Disposition"),
                    *(["Archive-Omitted"] if FORMATS[name].on_map else []),
                ),
            },
            304: {"description": "The list has not changed"},
            **problem_responses(NotAcceptable, InvalidParameters, NotReady),
        },
    }


def query_operation(collection: str) -> dict[str, Any]:
    """Return how a query is described that is sent as a body, but for its parameters: see `describe`."""
    return {
        "operation_id": f"query_{collection}",
        "summary": f"A page of {collection}, of a query too long for an address",
        "response_model": None,
        "responses": {
            200: {
                "description": f"A page of {collection}",
                "headers": headers("Archive-Release", "Content-Language", "Link"),
            },
            **problem_responses(
                *(ContentTooLarge, UnsupportedMediaType, NotAcceptable, InvalidParameters, InvalidCursor),
                *(TooDeep, NotReady),
            ),
        },
    }


def _query_schema(model: type[Criteria]) -> dict[str, Any]:
    """Return the schema of a query that is sent as a body: the parameters of the list by their names, those that leave
    records out together in one object.
    """
    properties: dict[str, Any] = {}
    excluding: dict[str, Any] = {}
    for parameter in _each_parameter(model):
        if parameter["name"] == "bom":
            continue
        described = _as_json(parameter)
        schema = dict(described["schema"])
        if schema.get("maxItems") == MAX_VALUES:
            schema["maxItems"] = MAX_POSTED
        meaning = described["description"]
        # With a `default`, generators for TypeScript want the property given each time.
        if (usual := schema.pop("default", None)) is not None:
            meaning += f" Without it: {usual}."
        among = excluding if parameter["name"].endswith(EXCLUDING) else properties
        among[parameter["name"]] = schema | {"description": meaning}
    if excluding:
        properties[EXCLUDED] = {
            "type": "object",
            "title": f"{model.__name__.removesuffix('Criteria')}QueryExcluding",
            "description": "What leaves records out.",
            "properties": excluding,
            "additionalProperties": False,
        }
    return {
        "type": "object",
        "title": f"{model.__name__.removesuffix('Criteria')}Query",
        "description": (
            "The parameters of the list; several values of a filter are a list. `excluding` has each `NAME!` of an address."
        ),
        "properties": properties,
        "additionalProperties": False,
    }


def feed_operation(collection: str) -> dict[str, Any]:
    """Return how the feed of a list is described, but for its parameters: see `describe`."""
    return {
        "operation_id": f"list_{collection}_atom",
        "summary": f"The {collection} of a list that changed last, as a feed",
        "response_model": None,
        "responses": {
            200: {
                "description": "An Atom feed, what changed last first",
                "content": _other_media_types(ATOM),
                "headers": headers("Archive-Release", "Content-Language", "ETag", "Link"),
            },
            304: {"description": "The list has not changed"},
            **problem_responses(NotAcceptable, InvalidParameters, InvalidCursor, TooDeep, NotReady),
        },
    }


def list_operation(collection: str) -> dict[str, Any]:
    """Return how the list of a collection is described, but for what follows from the archive: see `describe`."""
    return {
        "operation_id": f"list_{collection}",
        "summary": f"A page of {collection}",
        "response_model": None,
        "responses": {
            200: {
                "description": f"A page of {collection}",
                "headers": headers("Archive-Release", "Content-Language", "ETag", "Link"),
            },
            304: {"description": "The page has not changed"},
            **problem_responses(NotAcceptable, InvalidParameters, InvalidCursor, TooDeep, NotReady),
        },
    }


def search_operation() -> dict[str, Any]:
    """Return how the search across collections is described."""
    return {
        "operation_id": "search",
        "summary": "The best matches in every collection",
        "response_model": None,
        "responses": {
            200: {
                "description": "A page of hits",
                "model": SearchPage,
                "headers": headers("Archive-Release", "ETag", "Link"),
            },
            304: {"description": "The page has not changed"},
            **problem_responses(NotAcceptable, InvalidParameters, InvalidCursor, TooDeep, NotReady),
        },
        "openapi_extra": {"parameters": query_parameters(SearchCriteria)},
    }


def suggest_operation() -> dict[str, Any]:
    """Return how completions are described."""
    return {
        "operation_id": "suggest",
        "summary": "Completions for a search box",
        "response_model": None,
        "responses": {
            200: {
                "description": "Completions, most frequent first",
                "model": Suggestions,
                "headers": headers("Archive-Release", "ETag"),
            },
            304: {"description": "They have not changed"},
            **problem_responses(NotAcceptable, InvalidParameters, NotReady),
        },
        "openapi_extra": {"parameters": query_parameters(SuggestCriteria)},
    }


def record_operation(record: RecordType) -> dict[str, Any]:
    """Return how one record is described, but for what follows from the archive: see `describe`."""
    return {
        "operation_id": f"get_{record}",
        "summary": f"One {record}",
        "response_model": None,
        "responses": {
            200: {
                "description": f"The {record}",
                "headers": headers("Archive-Release", "Content-Language", "ETag"),
            },
            304: {"description": "The record has not changed"},
            **problem_responses(NotFound, NotAcceptable, Withdrawn, InvalidParameters, NotReady),
        },
    }


def _other_media_types(*media_types: str) -> dict[str, Any]:
    return {media_type: {"schema": {"type": "string"}} for media_type in media_types}


def changes_operation() -> dict[str, Any]:
    """Return how the change log is described."""
    return {
        "operation_id": "list_changes",
        "summary": "What was created, updated and withdrawn",
        "response_model": None,
        "responses": {
            200: {
                "description": "A page of the change log: oldest first as JSON, newest first as an Atom feed, or as `sort` says",
                "model": Changes,
                "content": _other_media_types(ATOM),
                "headers": headers("Archive-Release", "ETag", "Link"),
            },
            304: {"description": "Nothing has changed"},
            **problem_responses(NotAcceptable, StartOver, InvalidParameters, InvalidCursor, NotReady),
        },
        "openapi_extra": {"parameters": query_parameters(ChangeCriteria)},
    }


def transcript_operation() -> dict[str, Any]:
    """Return how the transcript of a testimony is described."""
    return {
        "operation_id": "get_transcript",
        "summary": "The transcript of a testimony",
        "response_model": None,
        "responses": {
            200: {
                "description": "The transcript",
                "model": Transcript,
                "content": _other_media_types(VTT, TEXT),
                "headers": headers("Archive-Release", "Content-Language", "ETag"),
            },
            304: {"description": "The transcript has not changed"},
            **problem_responses(NotFound, NotAcceptable, Withdrawn, InvalidParameters, NotReady),
        },
        "openapi_extra": {
            "parameters": [identifier_parameter("testimony"), *query_parameters(TranscriptView)],
        },
    }


def text_operation() -> dict[str, Any]:
    """Return how the text of a source is described."""
    return {
        "operation_id": "get_source_text",
        "summary": "The text of a source",
        "response_class": PlainTextResponse,
        "responses": {
            200: {
                "description": "The text, byte for byte as its hash was taken; never compressed",
                "content": _other_media_types(TEXT),
                "headers": headers("Archive-Release", "Content-Language", "ETag", "Repr-Digest"),
            },
            304: {"description": "The text has not changed"},
            **problem_responses(NotFound, NotAcceptable, Withdrawn, InvalidParameters, NotReady),
        },
        "openapi_extra": {"parameters": [identifier_parameter("source")]},
    }


def vocabularies_operation() -> dict[str, Any]:
    """Return how the list of vocabularies is described."""
    return {
        "operation_id": "list_vocabularies",
        "summary": "Every vocabulary: the archive's own, and the lists of the format",
        "response_model": None,
        "responses": {
            200: {
                "description": "The vocabularies",
                "model": Vocabularies,
                "headers": headers("Archive-Release", "ETag"),
            },
            304: {"description": "They have not changed"},
            **problem_responses(NotAcceptable, InvalidParameters, NotReady),
        },
    }


def vocabulary_operation() -> dict[str, Any]:
    """Return how one vocabulary is described."""
    name = {
        "name": "name",
        "in": "path",
        "required": True,
        "schema": {"type": "string", "pattern": "^[a-z][a-z0-9_]*$", "examples": ["event_type"]},
        "description": "The name of a vocabulary.",
    }
    return {
        "operation_id": "get_vocabulary",
        "summary": "A vocabulary with its terms",
        "response_model": None,
        "responses": {
            200: {
                "description": "The vocabulary: as JSON in the reader's language, as SKOS in all",
                "model": VocabularyDocument,
                "content": {JSONLD: {"schema": {"type": "object"}}},
                "headers": headers("Archive-Release", "ETag"),
            },
            304: {"description": "It has not changed"},
            **problem_responses(NotFound, NotAcceptable, InvalidParameters, NotReady),
        },
        "openapi_extra": {"parameters": [name, *query_parameters(VocabularyView)]},
    }


def file_operation() -> dict[str, Any]:
    """Return how a file of a source is described."""
    content = {"*/*": {"schema": {"type": "string", "format": "binary"}}}
    beside = ("Archive-Release", "ETag", "Repr-Digest", "Content-Disposition", "Content-Language", "Accept-Ranges")
    name = {
        "name": "name",
        "in": "path",
        "required": True,
        "schema": {"type": "string", "minLength": 1, "maxLength": MAX_FILE_NAME, "examples": ["gate.webm"]},
        "description": "The name of the file, as `files` of the record has it; `href` is the whole path.",
    }
    part = {
        "name": "Range",
        "in": "header",
        "required": False,
        "description": f"One range of bytes or several, {MOST_PARTS} at most; with `If-Range` only if nothing changed.",
        "schema": {"type": "string", "examples": ["bytes=0-1023"]},
    }
    return {
        "operation_id": "get_source_file",
        "summary": "A file of a source",
        "response_class": Response,
        "responses": {
            200: {
                "description": "The file, in the media type that its record states; never compressed",
                "content": content,
                "headers": headers(*beside),
            },
            206: {
                "description": "The bytes asked for with `Range`; of several ranges, a multipart/byteranges",
                "content": content,
                "headers": headers(*beside, "Content-Range"),
            },
            304: {"description": "The file has not changed"},
            **problem_responses(NotFound, Withdrawn, RangeNotSatisfiable, InvalidParameters, NotReady),
        },
        "openapi_extra": {"parameters": [identifier_parameter("source"), name, part]},
    }


_NUMBER = {
    "name": "number",
    "in": "path",
    "required": True,
    "schema": {"type": "string", "pattern": "^[1-9][0-9]{0,8}$", "examples": ["1"]},
    "description": "The number of a release.",
}


def releases_operation() -> dict[str, Any]:
    """Return how the list of releases is described."""
    return {
        "operation_id": "list_releases",
        "summary": "Every release that there ever was",
        "response_model": None,
        "responses": {
            200: {
                "description": "A page of releases, or all statements as a file",
                "model": ReleasePage,
                "content": _other_media_types(NDJSON),
                "headers": headers("Archive-Release", "ETag", "Link"),
            },
            304: {"description": "There is no newer release"},
            **problem_responses(NotAcceptable, InvalidParameters, InvalidCursor, NotReady),
        },
        "openapi_extra": {"parameters": query_parameters(ReleaseCriteria)},
    }


def _of_release(name: str, summary: str, answer: dict[str, Any]) -> dict[str, Any]:
    """Return how something about one release is described."""
    return {
        "operation_id": name,
        "summary": summary,
        "response_model": None,
        "responses": {
            200: answer,
            304: {"description": "It has not changed"},
            **problem_responses(NotFound, NotAcceptable, InvalidParameters, NotReady),
        },
        "openapi_extra": {"parameters": [_NUMBER]},
    }


def stated_release_operation() -> dict[str, Any]:
    """Return how one release is described."""
    answer = {
        "description": "What the release says of itself",
        "model": StatedRelease,
        "headers": headers("Archive-Release", "ETag"),
    }
    return _of_release("get_release", "One release", answer)


def statement_operation() -> dict[str, Any]:
    """Return how the statement of a release is described."""
    answer = {
        "description": "The statement, byte for byte as it was signed; never compressed",
        "content": {JSON: {"schema": {"type": "object"}}},
        "headers": headers("Archive-Release", "ETag", "Repr-Digest"),
    }
    return _of_release("get_statement", "The statement of a release", answer)


def signature_operation() -> dict[str, Any]:
    """Return how the signature of a statement is described."""
    answer = {
        "description": "The signature, in the form of OpenSSH; never compressed",
        "content": _other_media_types(TEXT),
        "headers": headers("Archive-Release", "ETag", "Repr-Digest"),
    }
    return _of_release("get_signature", "The signature of a release", answer) | {"response_class": PlainTextResponse}


def history_operation(record: RecordType) -> dict[str, Any]:
    """Return how the history of one record is described."""
    return {
        "operation_id": f"get_{record}_history",
        "summary": f"The versions of one {record}",
        "response_model": None,
        "responses": {
            200: {
                "description": "Its versions, without what they said",
                "model": History,
                "headers": headers("Archive-Release", "ETag"),
            },
            304: {"description": "Nothing has changed"},
            **problem_responses(NotFound, NotAcceptable, Withdrawn, InvalidParameters, NotReady),
        },
        "openapi_extra": {"parameters": [identifier_parameter(record)]},
    }


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
    schemas[_INCLUDED] = {"type": "object", "title": _INCLUDED, "properties": included}
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
        one["responses"]["200"]["content"] = {JSON: {"schema": _with_included(schemas, either)}}
    return description


def answer_name(document: str) -> str:
    """Return the name of the schema of a record that is asked for by itself, given that of the record."""
    return document.removesuffix("Document") + "Answer"


def _with_included(schemas: dict[str, Any], either: dict[str, Any]) -> dict[str, Any]:
    """Say what `include` adds to a record that is asked for by itself.

    It stands in no record's own schema: those that are included would hold it again, and so on, which takes a program that
    puts schemas in place of their names half a minute.
    """
    answers = []
    for named in either["anyOf"]:
        name = named["$ref"].rpartition("/")[2]
        answer = answer_name(name)
        schemas[answer] = {"title": answer, "allOf": [named, _named_schema(_INCLUDED)]}
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
    return {"$ref": _SCHEMAS + name}


def _add_schemas(schemas: dict[str, Any], shapes: dict[str, Any]) -> None:
    for name, shape in shapes.items():
        schema = TypeAdapter(shape).json_schema(ref_template=_SCHEMAS + "{model}")
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
            parameter["schema"] = _named(schemas, page.replace("Page", "Excluding"), parameter["schema"])
    page_operation = paths[listed]["get"]
    page_operation["parameters"] = [_as_json(each) for each in parameters if each["name"] != "bom"]
    page_operation["responses"]["200"]["content"] = {JSON: {"schema": _named_schema(page)}}
    for name, each in formats_of(model).items():
        if each.writer is not None:
            left_out = {"format", *model.PAGING, *([] if name == "csv" else ["bom"])}
            paths[f"{listed}.{each.suffix}"]["get"]["parameters"] = _without(parameters, left_out)
    query = paths[f"{listed}/query"]["post"]
    query["parameters"] = query_parameters(QueryAddress)
    asked = _query_schema(model)
    if EXCLUDED in asked["properties"]:
        excluding = asked["properties"][EXCLUDED]
        asked["properties"][EXCLUDED] = _named(schemas, excluding["title"], excluding)
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


def _as_json(parameter: dict[str, Any]) -> dict[str, Any]:
    """Return a parameter of a page; of the formats, the one that this address is described with."""
    if parameter["name"] != "format":
        return parameter
    described = "json: a page of the list. Every other format is described at its own address, such as `.csv`."
    return parameter | {"description": described, "schema": {"type": "string", "enum": ["json"]}}


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
