"""The OpenAPI description, drawn from what the server itself goes by: criteria, document shapes, problem classes."""

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from fastapi import FastAPI, Request
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic import TypeAdapter
from starlette.responses import Response

from service import __version__
from service.api import problems
from service.api.shapes import PAGES, SearchPage, Suggestions
from service.archive.model import PREFIXES
from service.catalogue.criteria import (
    CRITERIA,
    Criteria,
    Parameters,
    RecordView,
    SearchCriteria,
    SuggestCriteria,
    parameter_schemas,
)
from service.errors import (
    BadRequest,
    InternalError,
    InvalidCursor,
    InvalidParameters,
    NotAcceptable,
    NotFound,
    NotReady,
    Problem,
    TooDeep,
    UriTooLong,
    Withdrawn,
)
from service.release.documents import DOCUMENTS

_PROBLEM = {"$ref": "#/components/schemas/ProblemDocument"}

_HEADERS = {
    "Archive-Release": ("The id of the release that answered.", {"type": "string"}),
    "ETag": ("Changes when the answer does.", {"type": "string"}),
    "Link": ("The pages beside this one (RFC 8288).", {"type": "string"}),
    "Retry-After": ("Seconds after which to try again.", {"type": "integer"}),
    "Allow": ("What this address answers.", {"type": "string"}),
}

DESCRIPTION = """
A read-only archive of human-rights testimony: who testified to what, what happened, which figures were stated, and the
source of each claim.

Lists are paged by `cursor`: follow `links.next`. Filters with different names mean *and*; the same name given again means
*or*. Errors are problems (RFC 9457) and say what would be accepted. An answer belongs to one release, named in
`Archive-Release`; ask again with its `ETag` and get `304` until there is a newer one.
"""

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class PlainRoute(APIRoute):
    """A route whose function takes the request and returns the response. FastAPI's own reading of parameters costs more
    than a page of records does, and its errors would have another shape."""

    def get_route_handler(self) -> Handler:
        endpoint: Callable[[Request], Awaitable[Response]] = self.endpoint

        async def handle(request: Request) -> Response:
            return await endpoint(request)

        return handle


def _headers(*names: str) -> dict[str, Any]:
    return {name: {"description": _HEADERS[name][0], "schema": _HEADERS[name][1]} for name in names}


def problem_responses(*classes: type[Problem]) -> dict[int | str, dict[str, Any]]:
    """Return the responses of an operation that are problems. Those any address may give are always among them."""
    responses: dict[int | str, dict[str, Any]] = {}
    every: list[type[Problem]] = [*classes, BadRequest, UriTooLong, InternalError]
    for problem in sorted(every, key=lambda each: each.status):
        known = responses.get(problem.status)
        description = problem.title if known is None else f"{known['description']}; or: {problem.title.lower()}"
        responses[problem.status] = {
            "description": description,
            "content": {problems.MEDIA_TYPE: {"schema": _PROBLEM}},
            "headers": _headers("Retry-After") if problem.status == NotReady.status else {},
        }
    return responses


def query_parameters(model: type[Parameters]) -> list[dict[str, Any]]:
    """Return the query parameters that a model reads."""
    parameters = []
    required = {name for name, field in model.model_fields.items() if field.is_required()}
    for name, schema in parameter_schemas(model).items():
        schema = dict(schema)
        parameter = {
            "name": name,
            "in": "query",
            "required": name in required,
            "description": schema.pop("description", ""),
        }
        if name in model.COMMA_SEPARATED:
            parameter |= {"style": "form", "explode": False}
        parameters.append(parameter | {"schema": schema})
    return parameters


def list_operation(model: type[Criteria]) -> dict[str, Any]:
    """Return how the list of a collection is described."""
    collection = model.collection
    return {
        "operation_id": f"list_{collection}",
        "summary": f"A page of {collection}",
        "response_model": None,
        "responses": {
            200: {
                "description": f"A page of {collection}",
                "model": PAGES[collection],
                "headers": _headers("Archive-Release", "ETag", "Link"),
            },
            304: {"description": "The page has not changed"},
            **problem_responses(NotAcceptable, InvalidParameters, InvalidCursor, TooDeep, NotReady),
        },
        "openapi_extra": {"parameters": query_parameters(model)},
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
                "headers": _headers("Archive-Release", "ETag", "Link"),
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
                "headers": _headers("Archive-Release", "ETag"),
            },
            304: {"description": "They have not changed"},
            **problem_responses(NotAcceptable, InvalidParameters, NotReady),
        },
        "openapi_extra": {"parameters": query_parameters(SuggestCriteria)},
    }


def record_operation(model: type[Criteria]) -> dict[str, Any]:
    """Return how one record of a collection is described."""
    pattern = rf"^{PREFIXES[model.record]}-[a-z0-9-]{{1,60}}$"
    identifier = {"type": "string", "pattern": pattern, "examples": [f"{PREFIXES[model.record]}-001"]}
    return {
        "operation_id": f"get_{model.record}",
        "summary": f"One {model.record}",
        "response_model": None,
        "responses": {
            200: {
                "description": f"The {model.record}",
                "model": DOCUMENTS[model.record],
                "headers": _headers("Archive-Release", "ETag"),
            },
            304: {"description": "The record has not changed"},
            **problem_responses(NotFound, NotAcceptable, Withdrawn, InvalidParameters, NotReady),
        },
        "openapi_extra": {
            "parameters": [
                {"name": "id", "in": "path", "required": True, "schema": identifier, "description": "The identifier."},
                *query_parameters(RecordView.of(model.record)),
            ]
        },
    }


def describe(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI description of the application. Made once, on the first request for it."""
    if app.openapi_schema is None:
        description = get_openapi(
            title="Testimony Archive",
            version=__version__,
            openapi_version="3.1.0",
            description=DESCRIPTION.strip(),
            routes=app.routes,
        )
        schemas = description.setdefault("components", {}).setdefault("schemas", {})
        adapter = TypeAdapter(problems.ProblemDocument)
        problem = adapter.json_schema(ref_template="#/components/schemas/{model}")
        schemas.update(problem.pop("$defs"))
        schemas["ProblemDocument"] = problem
        _describe_fields(description)
        app.openapi_schema = description
    return app.openapi_schema


def _describe_fields(description: dict[str, Any]) -> None:
    """Say what `fields` does to an answer: beside each record's schema put one of the same keys, none of them required."""
    schemas = description["components"]["schemas"]
    for collection, model in CRITERIA.items():
        whole = DOCUMENTS[model.record].__name__
        some = whole.replace("Document", "Fields")
        schemas[some] = {
            "type": "object",
            "title": some,
            "description": "With `fields`: only the keys asked for.",
            "properties": schemas[whole]["properties"],
            "minProperties": 1,
        }
        either = {"anyOf": [{"$ref": f"#/components/schemas/{whole}"}, {"$ref": f"#/components/schemas/{some}"}]}
        schemas[PAGES[collection].__name__]["properties"]["data"]["items"] = either
        answer = description["paths"][f"/v1/{collection}/{{id}}"]["get"]["responses"]["200"]
        answer["content"]["application/json"]["schema"] = either
