"""How each operation is described: its parameters, its answers and its problems."""

from typing import Any

from starlette.responses import PlainTextResponse, Response

from service.api.formats import FORMATS
from service.api.parameters import each_parameter, identifier_parameter, of_json, query_parameters
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
)
from service.archive.identifiers import RecordType
from service.archive.values import MAX_FILE_NAME
from service.catalogue.criteria import (
    ChangeCriteria,
    Criteria,
    SearchCriteria,
    SuggestCriteria,
    TranscriptView,
)
from service.catalogue.parameters import EXCLUDED, MAX_POSTED, MAX_VALUES
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

#: The name of the schema of GeoJSON.
FEATURES = FeatureCollection.__name__
#: Where schemas with a name are.
SCHEMAS = "#/components/schemas/"
_PROBLEM = {"$ref": f"{SCHEMAS}ProblemDocument"}

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


#: What the file of a whole list holds, by the name of its format.
_FILES: dict[str, dict[str, Any]] = {
    "csv": {"type": "string", "description": "RFC 4180, with a header row."},
    "ndjson": {"type": "string", "description": "One record a line."},
    "geojson": {"$ref": f"{SCHEMAS}{FEATURES}"},
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


def query_schema(model: type[Criteria]) -> dict[str, Any]:
    """Return the schema of a query that is sent as a body: the parameters of the list by their names, those that leave
    records out together in one object.
    """
    properties: dict[str, Any] = {}
    excluding: dict[str, Any] = {}
    for parameter in each_parameter(model):
        if parameter["name"] == "bom":
            continue
        described = of_json(parameter)
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
