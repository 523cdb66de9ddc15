"""The application, put together. The only place that knows all of its parts."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.types import ASGIApp

from service import __version__
from service.api.cache import ResponseCache
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

    app = FastAPI(
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
        Straight(app.build_middleware_stack(), routes=(route for part in PARTS for route in part.router.routes)),
        serving=serving,
        cache=cache,
        proxies=proxies,
        root_path=settings.root_path,
    )
    metrics = Metrics(serving, cache, several=settings.workers > 1) if settings.metrics else None
    app.state.metrics = metrics
    app.middleware_stack = _watched(front, settings, metrics, proxies)
    return app


def _watched(front: Front, settings: Settings, metrics: Metrics | None, proxies: TrustedProxies) -> ASGIApp:
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
    return create_app(read_settings(), verify=False)
