"""The application, put together. The only place that knows all of its parts."""

import gc
import multiprocessing
import os
import signal
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from multiprocessing.connection import wait

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.types import Receive, Scope, Send

from service import __version__
from service.api.cache import ResponseCache, Whole
from service.api.front import Front
from service.api.metrics import Metrics
from service.api.problems import install_problems
from service.api.proxies import TrustedProxies
from service.api.routes import archive, changes, collections, docs, entrance, health, search, texts
from service.api.serving import Serving
from service.api.straight import Straight
from service.api.watching import Templates, Watching
from service.settings import AccessLog, Settings, read_settings

#: What answers, in the order in which the description shows it.
PARTS = (entrance, archive, collections, search, texts, changes, health, docs)


class Application(FastAPI):
    """The application. The framework's own way in costs as much as a third of giving an answer again."""

    #: What is around all else, once it is put together.
    outermost: Front | Watching

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["app"] = self
        await self.outermost(scope, receive, send)

    def at_once(self, scope: Scope) -> Whole | None:
        """Return the answer to a GET request that can be given without waiting: see `connections.BoundedConnection`."""
        return self.outermost.at_once(scope)


def create_app(settings: Settings, *, verify: bool = True) -> FastAPI:
    """Return the application for these settings. It opens the release when it starts and closes it when it stops.

    Without `verify` the files of the first release are not compared with its manifest: for a server that has done so.
    """
    serving = Serving(settings.data, verify=verify)

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
    install_problems(app)
    for part in PARTS:
        app.include_router(part.router)
    # Around the framework's own layers, not among them: an answer that is kept is given again without going through any.
    cache, proxies = ResponseCache(settings.cache_mib << 20), TrustedProxies(settings.trusted_proxies)
    front = Front(
        Straight(
            app.build_middleware_stack(),
            routes=(route for part in PARTS for route in part.router.routes),
            at_once=collections.AT_ONCE,
        ),
        serving=serving,
        cache=cache,
        proxies=proxies,
        root_path=settings.root_path,
    )
    metrics = Metrics(serving, cache, several=settings.workers > 1) if settings.metrics else None
    app.state.metrics = metrics
    app.middleware_stack = app.outermost = _watched(front, settings, metrics, proxies)
    return app


def _watched(front: Front, settings: Settings, metrics: Metrics | None, proxies: TrustedProxies) -> Front | Watching:
    """Return what answers, with what counts and logs requests around it; alone where the operator asked for neither."""
    if metrics is None and settings.access_log is AccessLog.OFF:
        return front
    paths = [route.path for part in PARTS for route in part.router.routes if isinstance(route, APIRoute)]
    templates = Templates(paths, root_path=settings.root_path)
    return Watching(front, templates=templates, metrics=metrics, access_log=settings.access_log, proxies=proxies)


def app_for_worker() -> FastAPI:
    """Return the application for the settings in the environment: the way in for uvicorn's worker processes, whose
    parent has verified the release.
    """
    threading.Thread(target=_end_with_parent, daemon=True).start()
    app = create_app(read_settings(), verify=False)
    settle()
    return app


def _end_with_parent() -> None:
    """Stop this worker once its parent is gone, killed for one: nobody else would, and its port would stay taken."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os.kill(os.getpid(), signal.SIGTERM)


def settle() -> None:
    """Tell the garbage collector that what a process has set up stays: going through it again and again would make
    requests wait for tens of milliseconds. For a process that only serves, before it does.
    """
    gc.collect()
    gc.freeze()
