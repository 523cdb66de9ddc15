"""The guide for those who build front ends: its table names every page, and its requests give all that a page leads to."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from tests.archives import CRITERIA
from tests.pages.kinds import KINDS, addresses
from tests.pages.test_pages import BROWSER

GUIDE = Path("docs/front-end.md").read_text(encoding="utf-8")
#: The requests that draw a page, by its path: `/{collection}` stands for the lists.
ROWS = {
    page: re.findall(r"`(/v1[^`]*)`", requests)
    for page, requests in re.findall(r"^\| `(/[^`]*)` \| (.*) \|$", GUIDE, re.MULTILINE)
}
#: A link to a record.
_LINK = re.compile(rf'href="/(?:{"|".join(CRITERIA)})/([a-z]{{3}}-[a-z0-9-]+)["?#]')


def row_of(path: str) -> str:
    """Return the row of the guide that is about a page."""
    collection, *record = path.partition("?")[0].strip("/").split("/")
    if collection not in CRITERIA:
        return path.partition("?")[0]
    return f"/{collection}/{{id}}" if record else "/{collection}"


def test_the_guide_names_every_page_and_no_other() -> None:
    assert set(ROWS) == {row_of(kind) for kind in KINDS}


def has_filter(collection: str, request: str) -> bool:
    """Tell whether a list takes the filter of a request, if it has one."""
    filters = re.findall(r"[?&]([a-z_]+)=\{id\}", request)
    return all(name in CRITERIA[collection].model_fields for name in filters)


def requests_of(path: str, record: dict[str, Any]) -> Iterator[str]:
    """Yield the requests that draw a page, with what the record at hand puts into them."""
    for request in ROWS[row_of(path)]:
        asked = [request]
        if "{collection}" in request:
            listed = path.partition("?")[0].strip("/")
            asked = [
                request.replace("{collection}", each)
                for each in ([listed] if listed in CRITERIA else CRITERIA)
                if has_filter(each, request)
            ]
        for each in asked:
            if "{event}" in each:
                yield from (each.replace("{event}", event["id"]) for event in record["events"])
            elif "{series}" in each:
                yield from [each.replace("{series}", quote(record["series"]))] if record["series"] else []
            elif "/text" not in each and "/transcript" not in each:
                yield each.replace("{id}", record.get("id", ""))
            elif record["has_text" if "/text" in each else "has_transcript"]:
                yield each.replace("{id}", record["id"])


def answers(client: httpx.Client, path: str) -> str:
    record = client.get(f"/v1{path}").json() if path.count("/") == 2 else {}
    found = []
    for request in requests_of(path, record):
        answer = client.get(request)
        assert answer.status_code == 200, (path, request, answer.text[:300])
        found.append(answer.text)
    assert found, path
    return "".join(found)


@pytest.mark.parametrize("archive", ["client", "invented"])
def test_every_record_that_a_page_leads_to_is_in_the_answers(archive: str, request: pytest.FixtureRequest) -> None:
    client: httpx.Client = request.getfixturevalue(archive)
    led_to = set[str]()
    for path in addresses(client):
        main = client.get(path, headers=BROWSER).text.partition("<main")[2].partition("</main>")[0]
        told = answers(client, path)
        missing = {each for each in _LINK.findall(main) if f'"{each}"' not in told}
        assert missing == set(), path
        led_to |= {*_LINK.findall(main)}
    assert len(led_to) > 10
