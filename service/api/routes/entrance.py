"""The way in: what this archive is, which release answers, where everything else is; and what each problem means."""

import inspect

import orjson
from fastapi import APIRouter, Request
from starlette.responses import Response

from service.api.describing import problem_responses
from service.api.shapes import Entrance, ProblemDescription
from service.api.small_pages import small_page
from service.catalogue.criteria import COLLECTIONS
from service.catalogue.parameters import NoParameters, read_criteria
from service.errors import InvalidParameters, NotAcceptable, NotFound, NotReady, Problem, problems
from service.http.links import base_url, header, query_pairs
from service.http.negotiation import JSON, choose_media_type, prefers_html
from service.http.releases import Served
from service.http.responses import release_answer
from service.http.routing import PlainRoute

router = APIRouter(route_class=PlainRoute, tags=["archive"])
#: The address `/`, where no reading room has it.
front_router = APIRouter(route_class=PlainRoute, include_in_schema=False)

_PROBLEMS = {problem.slug: problem for problem in problems()}


@router.get(
    "/v1",
    operation_id="get_archive",
    summary="The archive and its release",
    responses={
        200: {"model": Entrance, "description": "Where to begin"},
        304: {"description": "Nothing has changed"},
        **problem_responses(NotAcceptable, InvalidParameters, NotReady),
    },
)
async def show_entrance(request: Request) -> Response:
    """What this archive is, which release answers, and the address of everything else."""
    served: Served = request.app.state.serving.of(request.scope)
    choose_media_type(header(request.scope, b"accept"), (JSON,))
    read_criteria(NoParameters, query_pairs(request.scope))
    base, manifest, head = base_url(request.scope), served.catalogue.manifest, served.catalogue.head
    entrance: Entrance = {
        "archive": {name: value for name, value in head.items() if name != "vocabularies"},  # type: ignore[typeddict-item]
        "release": {
            "id": manifest.id,
            "number": manifest.number,
            "published_at": manifest.published_at,
            "counts": manifest.counts,
        },
        "languages": served.catalogue.languages,
        "mirror": None if served.mirror is None else {"of": served.mirror.of, "seen_at": served.mirror.seen_at},
        "links": {
            "self": f"{base}/v1",
            **{collection: f"{base}/v1/{collection}" for collection in COLLECTIONS},
            "changes": f"{base}/v1/changes",
            "archive": f"{base}/v1/archive",
            "releases": f"{base}/v1/releases",
            "vocabularies": f"{base}/v1/vocabularies",
            "search": f"{base}/v1/search",
            "suggest": f"{base}/v1/suggest",
            "openapi": f"{base}/openapi.json",
            "docs": f"{base}/docs",
        },
    }
    return release_answer(request.scope, served.standing_key, orjson.dumps(entrance))


@front_router.get("/")
async def show_front(request: Request) -> Response:
    """The archive's name and where to go on, for a browser; what `/v1` answers for everything else."""
    if not prefers_html(header(request.scope, b"accept")):
        return await show_entrance(request)
    served: Served = request.app.state.serving.of(request.scope)
    head, root = served.catalogue.head, request.scope.get("root_path", "")
    links = [(f"{root}/docs", "The API, described and to try out"), (f"{root}/v1", "Where the API begins (JSON)")]
    return small_page(head["title"], [head["description"]], links, root=root, language=head["language"])


@router.get(
    "/problems/{slug}",
    operation_id="get_problem",
    summary="What a problem means",
    responses={200: {"model": ProblemDescription, "description": "The problem"}, **problem_responses(NotFound)},
    openapi_extra={
        "parameters": [
            {
                "name": "slug",
                "in": "path",
                "required": True,
                "schema": {"type": "string", "enum": sorted(_PROBLEMS)},
                "description": "The last part of a problem's `type`.",
            }
        ]
    },
)
async def show_problem(request: Request) -> Response:
    """What the `type` of a problem leads to: its title, status and meaning."""
    problem: type[Problem] | None = _PROBLEMS.get(request.path_params["slug"])
    if problem is None:
        raise NotFound("There is no problem of this name.")
    meaning = " ".join(inspect.getdoc(problem).split())  # type: ignore[union-attr]
    if prefers_html(header(request.scope, b"accept")):
        root = request.scope.get("root_path", "")
        paragraphs = [meaning, f"Answers of this kind have the status {problem.status} and the name {problem.slug}."]
        return small_page(problem.title, paragraphs, [(f"{root}/docs", "The API, described")], root=root)
    description: ProblemDescription = {
        "slug": problem.slug,
        "title": problem.title,
        "status": problem.status,
        "description": meaning,
    }
    return Response(orjson.dumps(description), headers={"Vary": "Accept"}, media_type=JSON)
