"""The docs page: it loads nothing from elsewhere, and its policy lets nothing run that is not a file of ours."""

import re
import time
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.api.examples import with_examples
from service.api.routes import docs
from tests.archives import archive, record
from tests.conftest import PublishTo, Serve

ASSETS = ("/docs/swagger-ui.css", "/docs/style.css", "/docs/swagger-ui-bundle.js", "/docs/start.js")


class Page(HTMLParser):
    """What of a page the policy is about."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.inline: list[str] = []
        self.loaded: list[str] = []
        self._in: str | None = None
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self._in = tag
        self.inline += [f"{tag} {name}" for name in given if name.startswith("on") or name == "style"]
        self.loaded += [given[name] or "" for name in ("src", "href") if name in given]

    def handle_endtag(self, tag: str) -> None:
        self._in = None

    def handle_data(self, data: str) -> None:
        if self._in in ("script", "style") and data.strip():
            self.inline.append(data)


@pytest.fixture(scope="module")
def answer(client: httpx.Client) -> httpx.Response:
    return client.get("/docs")


def test_the_policy_lets_in_files_of_ours_only(answer: httpx.Response) -> None:
    header = answer.headers["content-security-policy"]
    policy = {name: set(values) for name, *values in (each.split() for each in header.split(";"))}
    assert policy == {
        "default-src": {"'none'"},
        "script-src": {"'self'"},
        "style-src": {"'self'"},
        "img-src": {"'self'", "data:"},
        "connect-src": {"'self'"},
        "base-uri": {"'none'"},
        "form-action": {"'none'"},
        "frame-ancestors": {"'none'"},
    }


def test_nothing_in_the_page_needs_more_than_the_policy_allows(answer: httpx.Response) -> None:
    page = Page(answer.text)
    assert page.inline == []
    assert len(page.loaded) == 5
    assert all(address.startswith("/docs/") or address == "data:," for address in page.loaded)
    assert Page('<a onclick="x()">a</a><style>b</style>').inline == ["a onclick", "b"]


def test_scripts_make_no_code_from_text(client: httpx.Client) -> None:
    # What eval needs, the policy does not give; our own script uses none, and loads nothing.
    start = client.get("/docs/start.js").text
    assert not re.search(r"eval|Function\(|innerHTML|https?:", start)
    assert "validatorUrl: null" in start


@pytest.mark.parametrize("path", ["/docs", *ASSETS, "/openapi.json", "/v1", "/nowhere", "/v1/changes?format=atom"])
def test_no_answer_is_taken_for_another_type_or_tells_where_its_reader_came_from(
    client: httpx.Client, path: str
) -> None:
    headers = client.get(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert "set-cookie" not in headers


@pytest.mark.parametrize("path", ASSETS)
def test_files_have_the_type_without_which_they_would_not_run(client: httpx.Client, path: str) -> None:
    expected = "text/css" if path.endswith(".css") else "text/javascript"
    assert client.get(path).headers["content-type"].partition(";")[0] == expected


def count_writing(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list that gets the release of each description that is written from now on."""
    written: list[str] = []

    def count(description: dict[str, Any], catalogue: Any, **given: Any) -> dict[str, Any]:
        written.append(catalogue.release.id)
        return with_examples(description, catalogue, **given)

    monkeypatch.setattr(docs, "with_examples", count)
    return written


def test_a_description_is_written_once_whatever_name_the_server_is_asked_under(
    seed_data: Path, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = count_writing(monkeypatch)
    client = serve(seed_data)
    for number in range(3 * docs.KEPT):
        host = f"host-{number}.example:8000"
        described = client.get("/openapi.json", headers={"Host": host}).json()
        assert described["servers"] == [{"url": f"http://{host}"}]
        [example] = described["components"]["schemas"]["TestimonyDocument"]["examples"]
        assert example["links"]["self"].startswith(f"http://{host}/v1/testimonies/")
    assert len(written) == 1
    assert len(client.application.state.descriptions) == docs.KEPT  # type: ignore[attr-defined]


@pytest.mark.parametrize("coding", ["gzip", "zstd", "identity"])
def test_a_kept_description_is_the_same_in_every_coding(client: httpx.Client, coding: str) -> None:
    plain = client.get("/openapi.json", headers={"Accept-Encoding": "identity"})
    first, second = (client.get("/openapi.json", headers={"Accept-Encoding": coding}) for _ in range(2))
    assert first.content == second.content == plain.content
    assert first.headers["etag"] == second.headers["etag"]
    assert first.headers.get("content-encoding", "identity") == coding
    unchanged = client.get("/openapi.json", headers={"Accept-Encoding": coding, "If-None-Match": first.headers["etag"]})
    assert unchanged.status_code == 304


def test_a_new_release_is_described_with_its_own_examples(
    tmp_path: Path, publish_to: PublishTo, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = count_writing(monkeypatch)
    data = tmp_path / "data"
    publish_to(data, archive(record("top-1", label="Before")))
    client = serve(data)

    def label() -> str:
        schema = client.get("/openapi.json").json()["components"]["schemas"]["TopicDocument"]
        return str(schema["examples"][0]["label"])

    assert label() == "Before"
    second = publish_to(data, archive(record("top-1", label="After"))).manifest.id
    until = time.monotonic() + 60
    while client.get("/v1").json()["release"]["id"] != second:
        assert time.monotonic() < until
        time.sleep(0.05)
    assert label() == "After"
    assert written[-1] == second
    assert len(written) == 2
