"""The application, put together. The only place that knows all of its parts."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from service import __version__
from service.api.cache import ResponseCache
from service.api.front import Front
from service.api.problems import install_problems
from service.api.routes import archive, changes, collections, docs, entrance, health, search, texts
from service.api.serving import Serving
from service.api.straight import Straight
from service.settings import Settings, read_settings

_PARTS = (entrance, archive, collections, search, texts, changes, health, docs)


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
    for part in _PARTS:
        app.include_router(part.router)
    # Around the framework's own layers, not among them: an answer that is kept is given again without going through any.
    app.middleware_stack = Front(
        Straight(app.build_middleware_stack(), routes=(route for part in _PARTS for route in part.router.routes)),
        serving=serving,
        cache=ResponseCache(settings.cache_mib << 20),
        trusted_proxies=settings.trusted_proxies,
        root_path=settings.root_path,
    )
    return app


def app_for_worker() -> FastAPI:
    """Return the application for the settings in the environment: the way in for uvicorn's worker processes, whose
    parent has verified the release.
    """
    return create_app(read_settings(), verify=False)
