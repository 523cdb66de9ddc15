"""Problems (RFC 9457): every exception that reaches a client becomes one here, the framework's own included."""

import logging
import traceback
from http import HTTPStatus
from typing import Any, NotRequired

import orjson
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from typing_extensions import TypedDict

from service.api.links import base_url
from service.errors import (
    BadRequest,
    InternalError,
    InvalidParameters,
    MethodNotAllowed,
    NotFound,
    Problem,
)

logger = logging.getLogger("testimony_archive")

MEDIA_TYPE = "application/problem+json"
#: What every address answers.
METHODS = "GET, HEAD, OPTIONS"


class ParameterErrorDocument(TypedDict):
    """What is wrong with one parameter; `allowed` lists what is accepted, where that can be listed."""

    parameter: str
    message: str
    allowed: list[str] | None


class ProblemDocument(TypedDict):
    """A problem (RFC 9457). `type` is the address of its description."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[ParameterErrorDocument]
    id: NotRequired[str]
    on: NotRequired[str]


def problem_document(problem: Problem, base: str) -> ProblemDocument:
    """Return the body of a problem; `base` is the absolute address of the API's root."""
    document: dict[str, Any] = {
        "type": f"{base}/problems/{problem.slug}",
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
    }
    return document | problem.members  # type: ignore[return-value]


def problem_response(problem: Problem, base: str) -> Response:
    """Return the answer that tells a client of a problem. It is not to be kept: what is missing may be there soon."""
    headers = {"Cache-Control": "no-cache"} | problem.headers
    body = orjson.dumps(problem_document(problem, base))
    return Response(body, problem.status, headers, media_type=MEDIA_TYPE)


def from_framework(error: HTTPException) -> Problem:
    """Return the problem that says what an exception of the framework says."""
    if error.status_code == HTTPStatus.NOT_FOUND:
        return NotFound("There is nothing at this address; GET /v1 lists what there is.")
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        return MethodNotAllowed(
            f"This archive is read-only; this address answers {METHODS}.", headers={"Allow": METHODS}
        )
    if error.status_code < HTTPStatus.INTERNAL_SERVER_ERROR:
        return BadRequest(str(error.detail))
    return InternalError("Something went wrong here; the log of the server says what.")


def internal_error(error: BaseException) -> InternalError:
    """Log an exception nobody expected, and return the problem that says no more than that it happened.

    Its message is left out of the log: it may hold what was asked.
    """
    where = "".join(traceback.format_tb(error.__traceback__))
    logger.error("request failed with %s\n%s", type(error).__qualname__, where)
    return InternalError("Something went wrong here; the log of the server says what.")


async def _on_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return problem_response(error, base_url(request.scope))


async def _on_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return problem_response(from_framework(error), base_url(request.scope))


async def _on_validation_error(request: Request, error: Exception) -> Response:
    return problem_response(InvalidParameters("The request does not fit this address."), base_url(request.scope))


def install_problems(app: FastAPI) -> None:
    """Make every exception raised by a route a problem."""
    app.add_exception_handler(Problem, _on_problem)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(RequestValidationError, _on_validation_error)
