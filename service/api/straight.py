"""The straight way to a route: from the path of a request to the function that answers it, in one look-up.

The framework goes through its own layers and through every route in turn, which costs more than reading a page of
records does. Whatever is not found here, unknown paths and other methods included, goes the framework's way.
"""

from collections.abc import Awaitable, Callable, Iterable

from fastapi import Request
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from service.api.describing import PlainRoute

Endpoint = Callable[[Request], Awaitable[Response]]
_LAST_PART = "/{id}"


class Straight:
    """ASGI middleware: finds plain routes by path, and leaves all else to the framework."""

    def __init__(self, app: ASGIApp, *, routes: Iterable[BaseRoute]) -> None:
        self._app = app
        self._by_path: dict[str, Endpoint] = {}
        self._by_parent: dict[str, Endpoint] = {}
        for route in routes:
            if not isinstance(route, PlainRoute):
                continue
            parent = route.path.removesuffix(_LAST_PART)
            if "{" not in parent:
                (self._by_path if parent == route.path else self._by_parent)[parent] = route.endpoint

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "GET":
            await self._app(scope, receive, send)
            return
        path: str = scope["path"].removeprefix(scope["root_path"])
        endpoint = self._by_path.get(path)
        if endpoint is None:
            parent, _, name = path.rpartition("/")
            endpoint = self._by_parent.get(parent) if name else None
            scope["path_params"] = {"id": name}
        if endpoint is None:
            await self._app(scope, receive, send)
            return
        response = await endpoint(Request(scope, receive))
        await response(scope, receive, send)
