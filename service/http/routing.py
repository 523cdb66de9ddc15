"""The straight way to a route: from the path of a request to the function that answers it, in one look-up.

The framework goes through its own layers and through every route in turn, which costs more than reading a page of
records does. Whatever is not found here, unknown paths and other methods included, goes the framework's way.
"""

from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import Request
from fastapi.routing import APIRoute
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from service.http.problems import QUERY_METHODS, method_not_allowed
from service.http.releases import Served

Endpoint = Callable[[Request], Awaitable[Response]]
#: Goes on with a request whose answer takes longer than the event loop should stand still.
Later = Callable[[Request], Awaitable[Response]]
#: Answers a request without waiting, from a release, given the last part of the path; where it would have to wait, it
#: returns what goes on with what it has found out.
AtOnce = Callable[[Scope, Served, str], Response | Later]
Handler = Callable[[Request], Coroutine[Any, Any, Response]]
_LAST_PART = "/{id}"


class PlainRoute(APIRoute):
    """A route whose function takes the request and returns the response. FastAPI's own reading of parameters costs more
    than a page of records does, and its errors would have another shape.
    """

    def get_route_handler(self) -> Handler:
        endpoint: Callable[[Request], Awaitable[Response]] = self.endpoint

        async def handle(request: Request) -> Response:
            return await endpoint(request)

        return handle


async def finish(answer: Response | Later, request: Request) -> Response:
    """Return the answer to a request that was begun on the event loop."""
    return answer if isinstance(answer, Response) else await answer(request)


@dataclass(frozen=True, slots=True)
class _Way:
    """What answers at a path."""

    endpoint: Endpoint
    at_once: AtOnce | None


class RouteTable:
    """ASGI middleware: finds plain routes by path, and leaves all else to the framework."""

    def __init__(self, app: ASGIApp, *, routes: Iterable[BaseRoute], at_once: Mapping[str, AtOnce]) -> None:
        self._app = app
        self._by_path: dict[str, _Way] = {}
        self._by_parent: dict[str, _Way] = {}
        #: Addresses that take a query as the body of a POST. Nothing else is asked with a body.
        self._queries: set[str] = set()
        for route in routes:
            if not isinstance(route, PlainRoute):
                continue
            if route.methods == {"POST"}:
                self._queries.add(route.path)
                continue
            parent = route.path.removesuffix(_LAST_PART)
            if "{" not in parent:
                ways = self._by_path if parent == route.path else self._by_parent
                ways[parent] = _Way(route.endpoint, at_once.get(route.path))

    def at_once(self, scope: Scope) -> Response | Later | None:
        """Return the answer to a GET request, or what goes on with it; None where its route begins with a task. Raises what
        the route does.
        """
        way, name = self._find(scope)
        return None if way is None or way.at_once is None else way.at_once(scope, scope["state"]["served"], name)

    def takes_query(self, scope: Scope) -> bool:
        """Tell whether an address takes a query as the body of a POST."""
        path: str = scope["path"].removeprefix(scope["root_path"])
        return path in self._queries

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        way, name = self._find(scope) if scope["type"] == "http" and scope["method"] == "GET" else (None, "")
        if way is None:
            await self._app(scope, receive, send)
            return
        if name:
            scope["path_params"] = {"id": name}
        response = await way.endpoint(Request(scope, receive))
        await response(scope, receive, send)

    def _find(self, scope: Scope) -> tuple[_Way | None, str]:
        """Return what answers at a path, and the last part of the path where that names a record."""
        path: str = scope["path"].removeprefix(scope["root_path"])
        if path in self._queries:
            raise method_not_allowed(QUERY_METHODS)
        if (way := self._by_path.get(path)) is not None:
            return way, ""
        parent, _, name = path.rpartition("/")
        return (self._by_parent.get(parent), name) if name else (None, "")
