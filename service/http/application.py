"""The application that uvicorn runs, put together from parts. It knows what holds for every request; which addresses
there are, and what they answer, is handed in as `Part`s.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from starlette.middleware.errors import ServerErrorMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from service import __version__
from service.http.metrics import Metrics
from service.http.middleware import OuterMiddleware
from service.http.problems import ProblemPage, install_problems
from service.http.proxies import TrustedProxies
from service.http.releases import Serving
from service.http.request_log import RequestObserver, Templates
from service.http.response_cache import ResponseCache
from service.http.responses import CompleteResponse
from service.http.routing import AtOnce, RouteTable
from service.settings import AccessLog, Settings


@dataclass(frozen=True, slots=True)
class Part:
    """Some of the addresses that the application answers.

    Routes of the class `routing.PlainRoute` are found without the framework's layers. `at_once` names, by the path of
    such a route, a function that answers it on the event loop without a task: only for what takes a few milliseconds.
    """

    router: APIRouter
    at_once: Mapping[str, AtOnce] = field(default_factory=dict)


class Application(FastAPI):
    """FastAPI, with our middleware around it instead of among its own layers, which cost a third of a cached answer."""

    #: The outermost middleware, once it is put together.
    outermost: OuterMiddleware | RequestObserver

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["app"] = self
        await self.outermost(scope, receive, send)

    def build_middleware_stack(self) -> ASGIApp:
        """Return the framework's layers without the outermost. That one answers every error with a bare 500, before the
        middleware around it can tell a damaged release from a fault of the server.
        """
        outermost = super().build_middleware_stack()
        assert isinstance(outermost, ServerErrorMiddleware)
        return outermost.app

    def at_once(self, scope: Scope) -> CompleteResponse | None:
        """Return the answer to a GET request that can be given without waiting: see `connections.BoundedConnection`."""
        scope["app"] = self
        return self.outermost.at_once(scope)


def build_application(
    settings: Settings, parts: Sequence[Part], *, verify: bool = True, problem_page: ProblemPage | None = None
) -> Application:
    """Return the application for these settings. It opens the release when it starts and closes it when it stops.

    Without `verify` the files of the first release are not compared with its manifest: for a server that has done so.
    `problem_page` shows problems to clients that prefer HTML; without it they are JSON for everyone.
    """
    follows = settings.depot is not None or settings.mirror is not None
    serving = Serving(settings.data, verify=verify, follows=follows)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        await serving.start()
        try:
            yield
        finally:
            await serving.stop()

    app = Application(
        title="Testimony Archive",
        version=__version__,
        lifespan=lifespan,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.serving = serving
    app.state.has_pages = settings.pages
    install_problems(app, page=problem_page)
    for part in parts:
        app.include_router(part.router)
    cache, proxies = ResponseCache(settings.cache_mib << 20), TrustedProxies(settings.trusted_proxies)
    metrics = Metrics(serving, cache, several=settings.workers > 1) if settings.metrics else None
    app.state.metrics = metrics
    outer = OuterMiddleware(
        RouteTable(
            app.build_middleware_stack(),
            routes=[route for part in parts for route in part.router.routes],
            at_once={path: function for part in parts for path, function in part.at_once.items()},
        ),
        serving=serving,
        cache=cache,
        proxies=proxies,
        root_path=settings.root_path,
        has_pages=settings.pages,
    )
    paths = [route.path for part in parts for route in part.router.routes if isinstance(route, APIRoute)]
    app.state.paths = tuple(paths)
    app.middleware_stack = app.outermost = _observed(outer, paths, settings, metrics)
    return app


def _observed(
    outer: OuterMiddleware, paths: list[str], settings: Settings, metrics: Metrics | None
) -> OuterMiddleware | RequestObserver:
    """Return what answers, with what counts and logs requests around it; alone where the operator asked for neither."""
    if metrics is None and settings.access_log is AccessLog.OFF:
        return outer
    return RequestObserver(
        outer,
        templates=Templates(paths, root_path=settings.root_path),
        metrics=metrics,
        access_log=settings.access_log,
        proxies=outer.proxies,
    )
