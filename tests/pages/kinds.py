"""Every kind of page, by the routes of the reading room: a page that is added there is looked at by all tests that ask here."""

from typing import Any

import httpx
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

from service.pages.routes import pages_part

#: What the reading room gives out besides pages.
NOT_PAGES = {"/assets/{id}", "/robots.txt", "/sitemap.xml", "/sitemaps/{id}"}


async def _front(_: Request) -> Response:
    raise AssertionError


def _paths() -> list[str]:
    routes = pages_part(indexed=True, front=_front).router.routes
    return [route.path for route in routes if isinstance(route, APIRoute) and route.path not in NOT_PAGES]


#: The path of every kind of page; `{id}` stands for a record. A search is another page when it has found something.
KINDS = [*_paths(), "/search?q=the"]
#: Pages of what is not there, or not so: by their status, in the invented archive, which has a record that was withdrawn.
PROBLEMS = {404: "/nothing", 410: "/testimonies/tes-gone", 422: "/events?topic=x"}


def address_of(kind: str, client: httpx.Client) -> str:
    """Return the address of a page of this kind; of a record's, that of the record of which most is told."""
    if not kind.endswith("{id}"):
        return kind
    collection = kind.split("/")[1]
    found: list[dict[str, Any]] = client.get(f"/v1/{collection}?limit=200").json()["data"]
    return kind.replace("{id}", max(found, key=lambda each: len(str(each)))["id"])


def addresses(client: httpx.Client) -> list[str]:
    """Return the address of a page of each kind, and of every record's."""
    found = [kind for kind in KINDS if not kind.endswith("{id}")]
    for kind in KINDS:
        if kind.endswith("{id}"):
            page = f"/v1/{kind.split('/')[1]}?fields=id&limit=200"
            while page is not None:
                answer = client.get(page).json()
                found += [kind.replace("{id}", each["id"]) for each in answer["data"]]
                page = answer["links"]["next"]
    return found
