"""Is the process alive, is it serving a release, and what does it measure?"""

import orjson
from fastapi import APIRouter, Request
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.responses import Response

from service.api.describing import problem_responses
from service.api.shapes import Followed, Health, Readiness
from service.depots.following import Standing
from service.errors import Broken, NotFound, NotReady, ReleaseDamaged
from service.http.metrics import Metrics
from service.http.negotiation import JSON
from service.http.releases import RETRY
from service.http.routing import PlainRoute

router = APIRouter(route_class=PlainRoute, tags=["health"])

# A probe must see the state of now.
_UNCACHED = {"Cache-Control": "no-store"}


@router.get(
    "/healthz",
    operation_id="get_health",
    summary="Alive?",
    responses={200: {"model": Health, "description": "The process answers"}, **problem_responses()},
)
async def show_health(request: Request) -> Response:
    """Answers as long as the process does, whether or not there is a release."""
    return Response(orjson.dumps({"status": "ok"}), headers=_UNCACHED, media_type=JSON)


@router.get(
    "/readyz",
    operation_id="get_readiness",
    summary="Ready?",
    responses={200: {"model": Readiness, "description": "A release is being served"}, **problem_responses(NotReady)},
)
async def show_readiness(request: Request) -> Response:
    """Answers 200 while a release is being served, else 503 with the reason: `not-ready` where there is no release,
    `release-damaged` where there is one that cannot be read.
    """
    serving = request.app.state.serving
    try:
        served = serving.of(request.scope)
        served.catalogue.require_answers()
    except (NotReady, Broken) as problem:
        raise type(problem)(serving.trouble or problem.detail, headers=problem.headers) from None
    except ReleaseDamaged as damage:
        raise Broken(str(damage), headers=RETRY) from None
    body: Readiness = {
        "status": "ready",
        "release": served.catalogue.manifest.id,
        "trouble": serving.trouble,
        "follows": _followed(serving.standing),
    }
    return Response(orjson.dumps(body), headers=_UNCACHED, media_type=JSON)


def _followed(standing: Standing | None) -> Followed | None:
    if standing is None:
        return None
    return {
        "kind": standing.kind,
        "address": standing.address,
        "seen_at": standing.seen_at,
        "age_s": standing.age_s,
        "trouble": standing.trouble,
    }


@router.get("/metrics", include_in_schema=False)
async def show_metrics(request: Request) -> Response:
    """What is measured, for Prometheus. Not part of the API: for whoever runs the server, who has to ask for it."""
    metrics: Metrics | None = request.app.state.metrics
    if metrics is None:
        raise NotFound("Nothing is measured here; TESTIMONY_ARCHIVE_METRICS=true turns it on.")
    return Response(generate_latest(metrics), headers=_UNCACHED, media_type=CONTENT_TYPE_LATEST)
