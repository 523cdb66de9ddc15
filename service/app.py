"""The application, put together from every room that answers requests. The only module that knows them all."""

from service.api.parts import PARTS as API_PARTS
from service.api.routes.entrance import front_router, show_front
from service.http.application import Application, Part, build_application
from service.http.server import end_with_parent, settle
from service.pages.findings import findings_part
from service.pages.routes import pages_part, problem_page
from service.settings import Settings, read_settings

#: What machines ask, in the order in which the description shows it. The reading room stands beside it, where it is on.
PARTS = API_PARTS
#: Where uvicorn's worker processes find `app_for_worker`.
WORKER = "service.app:app_for_worker"


def create_app(settings: Settings, *, verify: bool = True) -> Application:
    """Return the application for these settings: see `http.application.build_application`."""
    if not settings.pages:
        return build_application(settings, (Part(front_router), *PARTS), verify=verify)
    # The reading room comes first: what people open at `/` is a page of it.
    parts: list[Part] = [pages_part(indexed=settings.indexed, front=show_front), *PARTS]
    if settings.watch:
        parts.insert(0, findings_part(settings.data))
    page = problem_page(indexed=settings.indexed)
    return build_application(settings, parts, verify=verify, problem_page=page)


def app_for_worker() -> Application:
    """Return the application for the settings in the environment: the way in for uvicorn's worker processes, whose
    parent has verified the release.
    """
    end_with_parent()
    app = create_app(read_settings(), verify=False)
    settle()
    return app
