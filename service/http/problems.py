"""Problems (RFC 9457): every exception that reaches a client becomes one here, the framework's own included."""

import difflib
import logging
import time
import traceback
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from typing import Annotated, Any, NotRequired
from urllib.parse import quote

import orjson
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import Field
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import Scope
from typing_extensions import TypedDict

from service.errors import (
    BadRequest,
    InternalError,
    InvalidParameters,
    MethodNotAllowed,
    NotAcceptable,
    NotFound,
    Problem,
)
from service.http.links import base_url
from service.http.logs import TELL_EVERY_S, log_event
from service.http.negotiation import HTML, choose_media_type
from service.http.request_ids import HEADER, request_id_of

MEDIA_TYPE = "application/problem+json"
#: What every address answers.
METHODS = "GET, HEAD, OPTIONS"
#: What the address of a query answers that is sent as a body.
QUERY_METHODS = "POST, OPTIONS"


class ParameterErrorDocument(TypedDict):
    """What is wrong with one parameter; `allowed` lists what is accepted, where that can be listed."""

    parameter: Annotated[str, Field(description="The name of the parameter.")]
    message: Annotated[str, Field(description="What is wrong with it.")]
    allowed: Annotated[list[str] | None, Field(description="What is accepted. Null where that cannot be listed.")]


class ProblemDocument(TypedDict):
    """A problem (RFC 9457). `type` is the address of its description, `request_id` what to name when asking the operator."""

    type: Annotated[str, Field(description="The address of its description.")]
    title: Annotated[str, Field(description="What is wrong, in a few words.")]
    status: Annotated[int, Field(description="The status of the answer.")]
    detail: Annotated[str, Field(description="What is wrong with this request.")]
    errors: Annotated[list[ParameterErrorDocument], Field(description="What is wrong with each parameter.")]
    request_id: Annotated[str, Field(description="What to name when asking the operator.")]
    id: NotRequired[Annotated[str, Field(description="The identifier of the record that was withdrawn.")]]
    on: NotRequired[Annotated[str, Field(description="The day on which it was withdrawn.")]]


def problem_document(problem: Problem, scope: Scope, *, base: str | None = None) -> ProblemDocument:
    """Return the body of the problem that answers a request. `base` is the address of the API's root, where what the
    request says of it must not be believed.
    """
    document: dict[str, Any] = {
        "type": f"{base_url(scope) if base is None else base}/problems/{problem.slug}",
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
        "errors": [
            {
                "parameter": error.parameter,
                "message": error.message,
                "allowed": None if error.allowed is None else list(error.allowed),
            }
            for error in problem.errors
        ],
        "request_id": request_id_of(scope),
    }
    return document | problem.members  # type: ignore[return-value]


#: Shows a problem to people, given its document: a complete HTML response with the status of the problem.
ProblemPage = Callable[[ProblemDocument, Scope], Response]


def problem_response(problem: Problem, scope: Scope, *, base: str | None = None) -> Response:
    """Return the answer that tells a client of a problem. It is not to be kept: what is missing may be there soon."""
    if problem.status == HTTPStatus.SERVICE_UNAVAILABLE:
        _unavailable.tell(problem, scope)
    headers = {"Cache-Control": "no-cache", HEADER: request_id_of(scope)} | problem.headers
    document = problem_document(problem, scope, base=base)
    page = getattr(getattr(scope.get("app"), "state", None), "problem_page", None)
    # What the API refuses is JSON for everyone: programs ask it, whatever they say they accept.
    if page is not None and not scope["path"].startswith("/v1/"):
        headers["Vary"] = "Accept"
        if _prefers_html(scope) and (shown := _shown(page, document, scope)) is not None:
            shown.status_code = problem.status
            # A page may depend on more: on the reader's language.
            shown.headers.update(headers | {"Vary": shown.headers.get("Vary", headers["Vary"])})
            return shown
    return Response(orjson.dumps(document), problem.status, headers, media_type=MEDIA_TYPE)


def _prefers_html(scope: Scope) -> bool:
    accept = b", ".join(value for name, value in scope["headers"] if name == b"accept").decode("latin-1")
    with suppress(NotAcceptable):
        return choose_media_type(accept, (MEDIA_TYPE, HTML)) == HTML
    return False


def _shown(page: ProblemPage, document: ProblemDocument, scope: Scope) -> Response | None:
    """Return the page of a problem; None, and a line in the log, where making it fails: the problem is told as JSON."""
    try:
        return page(document, scope)
    except Exception as error:  # noqa: BLE001 - a fault of the page must not hide the problem it shows
        internal_error(error, scope)
        return None


def from_framework(error: HTTPException, scope: Scope) -> Problem:
    """Return the problem that says what an exception of the framework says."""
    if error.status_code == HTTPStatus.NOT_FOUND:
        return NotFound(f"There is nothing at this address; {_nearest_address(scope)}GET /v1 lists what there is.")
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        return method_not_allowed(QUERY_METHODS if "POST" in (error.headers or {}).get("Allow", "") else METHODS)
    if error.status_code < HTTPStatus.INTERNAL_SERVER_ERROR:
        return BadRequest(str(error.detail))
    return InternalError("Something went wrong here; the log of the server says what.")


#: Characters of a path that are compared with those that there are.
_COMPARED = 100


def _nearest_address(scope: Scope) -> str:
    """Return the address that is written most like what was asked for, as part of a sentence; nothing where none is like it."""
    asked = scope["path"].removeprefix(scope.get("root_path", "")).rstrip("/")[:_COMPARED].lower()
    plain = [path for path in scope["app"].state.paths if "{" not in path and path.startswith("/v1")]
    wanted = asked[asked.find("/v1") :] if "/v1" in asked else asked
    if wanted in plain:
        return f"did you mean {wanted}? "
    near = difflib.get_close_matches(wanted, plain, n=1, cutoff=0.75) if wanted.startswith("/v1/") else []
    return f"did you mean {near[0]}? " if near else ""


def method_not_allowed(answered: str) -> MethodNotAllowed:
    """Return the problem that says what an address answers."""
    return MethodNotAllowed(f"This archive is read-only; this address answers {answered}.", headers={"Allow": answered})


def internal_error(error: BaseException, scope: Scope) -> InternalError:
    """Log an exception nobody expected, and return the problem that says no more than that it happened.

    Its message is left out of the log: it may hold what was asked.
    """
    name, request_id = type(error).__qualname__, request_id_of(scope)
    log_event(
        logging.ERROR,
        "request_failed",
        f"request {request_id} failed with {name}",
        request_id=request_id,
        status=InternalError.status,
        error=name,
        traceback="".join(traceback.format_tb(error.__traceback__)),
    )
    return InternalError("Something went wrong here; the log of the server says what.")


class _Unavailable:
    """Tells the log of answers 503: of the first, and then now and again of how many there were."""

    def __init__(self) -> None:
        self._next: dict[str, float] = {}
        self._untold: Counter[str] = Counter()

    def tell(self, problem: Problem, scope: Scope) -> None:
        now, slug = time.monotonic(), problem.slug
        if now < self._next.get(slug, 0.0):
            self._untold[slug] += 1
            return
        self._next[slug] = now + TELL_EVERY_S
        untold, request_id = self._untold.pop(slug, 0), request_id_of(scope)
        log_event(
            logging.WARNING,
            "unavailable",
            f"request {request_id} was answered {problem.status} {slug}, as were {untold} before it",
            request_id=request_id,
            status=problem.status,
            problem=slug,
            before=untold,
        )


#: One for the process, as its log is.
_unavailable = _Unavailable()


async def _on_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return problem_response(error, request.scope)


async def _on_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    path: str = request.scope["path"].removeprefix(request.scope.get("root_path", ""))
    if error.status_code == HTTPStatus.NOT_FOUND and path.startswith("/v1/") and path.endswith("/"):
        query = request.scope["query_string"].decode("ascii", "replace")
        address = f"{base_url(request.scope)}{quote(path.rstrip('/'))}{'?' if query else ''}{query}"
        return Response(status_code=HTTPStatus.PERMANENT_REDIRECT, headers={"Location": address})
    return problem_response(from_framework(error, request.scope), request.scope)


async def _on_validation_error(request: Request, error: Exception) -> Response:
    return problem_response(InvalidParameters("The request does not fit this address."), request.scope)


def install_problems(app: FastAPI, *, page: ProblemPage | None) -> None:
    """Make every exception raised by a route a problem, shown by `page` to clients that prefer HTML."""
    app.state.problem_page = page
    app.add_exception_handler(Problem, _on_problem)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(RequestValidationError, _on_validation_error)
