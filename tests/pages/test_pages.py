"""The reading room over HTTP: every kind of page, what each says, and the headers that keep readers safe."""

import html
import json
import re
from datetime import date
from html.parser import HTMLParser
from pathlib import Path

import httpx
import pytest
from justhtml import JustHTML

from service.archive.checks import check_archive
from service.catalogue.browsing import Catalogue, Listing
from service.catalogue.criteria import Criteria
from tests.archives import CRITERIA, archive, passage, record, write
from tests.conftest import PublishTo, Serve
from tests.pages.kinds import KINDS, address_of, addresses

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
LARGEST = 30_000


def text_of(page: httpx.Response) -> str:
    """Return what a page says, without markup, its white space as single spaces."""
    plain = re.sub(r"<[^>]*>", " ", re.sub(r"<(script|title)\b.*?</\1>", "", page.text, flags=re.DOTALL))
    return " ".join(html.unescape(plain).split())


class Links(HTMLParser):
    """Gathers what a page leads to and what it loads."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.leads: list[str] = []
        self.loads: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        address = given.get("href") or given.get("src")
        if not address:
            return
        loaded = tag in ("script", "img", "video", "audio") or given.get("rel") in ("stylesheet", "icon")
        (self.loads if loaded else self.leads).append(address)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("language", ["en", "ar"])
def test_a_page_is_valid_html_and_small(client: httpx.Client, kind: str, language: str) -> None:
    page = client.get(
        address_of(kind, client), headers={**BROWSER, "Accept-Language": language, "Accept-Encoding": "gzip"}
    )
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    JustHTML(page.text, strict=True, sanitize=False)
    assert int(page.headers["content-length"]) < LARGEST
    assert f'<html lang="{language}" dir="{"rtl" if language == "ar" else "ltr"}">' in page.text


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_loads_nothing_from_elsewhere_and_keeps_readers_safe(client: httpx.Client, kind: str) -> None:
    page = client.get(address_of(kind, client), headers=BROWSER)
    assert all(address.startswith("/assets/") for address in Links(page.text).loads)
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "unsafe" not in page.headers["content-security-policy"]
    assert page.headers["referrer-policy"] == "no-referrer"
    assert "noindex" in page.headers["x-robots-tag"]
    assert "set-cookie" not in page.headers
    assert " style=" not in page.text
    assert re.search(r"<script(?! type=\"(application/ld\+json|module)\")", page.text) is None


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_has_its_etag_and_names_the_api(client: httpx.Client, kind: str) -> None:
    path = address_of(kind, client)
    page = client.get(path, headers=BROWSER)
    assert page.headers["archive-release"].startswith("sha256:")
    again = client.get(path, headers={**BROWSER, "If-None-Match": page.headers["etag"]})
    assert again.status_code == 304
    [address] = re.findall(r'This page as data: <a href="([^"]+)"', " ".join(page.text.split())) or [None]
    if kind != "/search":
        assert address is not None
        assert client.get(html.unescape(address)).status_code == 200


@pytest.mark.parametrize("archive", ["client", "invented"])
def test_every_link_of_a_crawl_answers(archive: str, request: pytest.FixtureRequest) -> None:
    client: httpx.Client = request.getfixturevalue(archive)
    base = str(client.base_url)
    waiting, seen = ["/"], {"/"}
    while waiting:
        page = client.get(waiting.pop(), headers=BROWSER)
        assert page.status_code == 200, page.url
        if "text/html" not in page.headers["content-type"] or "/v1/" in str(page.url) or "/docs" in str(page.url):
            continue
        links = Links(page.text)
        for address in links.leads + links.loads:
            path = address.removeprefix(base).partition("#")[0]
            # One filter at a time: of two there are thousands.
            if path.startswith("/") and path not in seen and "lang=" not in path and "&" not in path:
                seen.add(path)
                waiting.append(path)
    # To the search leads the form that every page has.
    pages, reached = ({path.partition("?")[0] for path in some} for some in (addresses(client), seen))
    assert pages - {"/search"} <= reached


def test_every_fragment_leads_to_a_place_on_its_page(client: httpx.Client) -> None:
    for kind in KINDS:
        page = client.get(address_of(kind, client), headers=BROWSER).text
        for address in Links(page).leads:
            if address.startswith("#"):
                assert f'id="{address[1:]}"' in page


def test_who_said_what_where_it_stands_and_what_the_accused_answered(client: httpx.Client) -> None:
    found = client.get("/search", params={"q": "police station"}, headers=BROWSER)
    assert "/testimonies/tes-006" in Links(found.text).leads
    page = text_of(client.get("/testimonies/tes-006", headers=BROWSER))
    for told in ("Sergei Pinchuk", "Exact passage", "characters", "What the accused answered", "How to cite this"):
        assert told in page
    assert page.index("Before you read:") < page.index("beat him")


def test_dots_stand_only_where_a_text_goes_on(publish_to: PublishTo, serve: Serve, tmp_path: Path) -> None:
    long = f"{'Many words before. ' * 20}The gate. {'Many words after. ' * 30}"
    publish_to(tmp_path / "data", archive(record("evt-1", title="An evening", summary=long, date_note="By the gate.")))
    page = serve(tmp_path / "data").get("/search", params={"q": "gate"}, headers=BROWSER).text
    found = re.findall(r'<p class="summary" dir="auto">(.*?)</p>', page)
    cut, whole = sorted(re.sub("<[^>]+>", "", each) for each in found)[::-1]
    assert whole == "By the gate."
    assert re.fullmatch(r"… .*The gate\..* …", cut)


def test_words_found_in_a_title_are_marked_there_and_not_said_twice(
    publish_to: PublishTo, serve: Serve, tmp_path: Path
) -> None:
    publish_to(tmp_path / "data", archive(record("evt-1", title="The <b>gate</b> is closed")))
    page = serve(tmp_path / "data").get("/search", params={"q": "gate"}, headers=BROWSER).text
    assert "<bdi>The &lt;b&gt;<mark>gate</mark>&lt;/b&gt; is closed</bdi></a></h2>" in page
    assert 'class="summary"' not in page


def test_the_archives_own_fields_stand_with_those_of_the_format(
    publish_to: PublishTo, serve: Serve, tmp_path: Path
) -> None:
    fields = {"event": [{"name": "weather", "label": "The weather then", "kind": "text"}]}
    event = record("evt-1", summary="They were told to leave.", custom={"weather": "Sleet"})
    publish_to(tmp_path / "data", archive(event, fields=fields))
    page = text_of(serve(tmp_path / "data").get("/events/evt-1", headers={**BROWSER, "Accept-Language": "en"}))
    assert page.index("Type") < page.index("The weather then Sleet") < page.index("They were told to leave.")


def test_linked_data_is_json_and_cannot_end_its_element(publish_to: PublishTo, serve: Serve, tmp_path: Path) -> None:
    hostile = "</script><script>alert(1)</script><!--"
    publish_to(tmp_path / "data", archive(record("evt-1", title=hostile)))
    client = serve(tmp_path / "data")
    page = client.get("/events/evt-1", headers=BROWSER).text
    [data] = re.findall(r'<script type="application/ld\+json">(.*?)</script>', page)
    assert json.loads(data)["name"] == hostile
    assert "<script>alert" not in page


def test_a_passage_is_marked_where_one_comes_from_a_citation(
    publish_to: PublishTo, serve: Serve, tmp_path: Path
) -> None:
    content = "They came at night. We were told to leave. Nobody said where to."
    text = {**record("src-1")["text"], "content": content}
    source = record("src-1", verbatim=True, rights="CC0-1.0", text=text)
    publish_to(tmp_path / "data", archive(source, record("evt-1", citations=[passage()])))
    client = serve(tmp_path / "data")
    leads = map(html.unescape, Links(client.get("/events/evt-1", headers=BROWSER).text).leads)
    [address] = [each for each in leads if "passage=" in each]
    assert address == "/sources/src-1?passage=0-19#passage"
    page = client.get(address.partition("#")[0], headers=BROWSER).text
    assert f'<mark id="passage">{content[:19]}</mark>' in page
    assert "<mark" not in client.get("/sources/src-1?passage=19-0", headers=BROWSER).text


def test_a_withdrawn_record_says_that_and_nothing_else(publish_to: PublishTo, serve: Serve, tmp_path: Path) -> None:
    publish_to(tmp_path / "data", archive(record("evt-1", title="A secret")))
    gone = archive(withdrawn=[{"id": "evt-1", "on": "2024-02-03"}])
    publish_to(tmp_path / "data", gone)
    client = serve(tmp_path / "data")
    page = client.get("/events/evt-1", headers=BROWSER)
    assert page.status_code == 410
    assert "evt-1 was withdrawn on 3 February 2024." in text_of(page)
    assert "A secret" not in page.text
    assert client.get("/events/evt-1").headers["content-type"] == "application/problem+json"


def test_what_is_not_there_is_told_to_people_as_a_page(client: httpx.Client) -> None:
    for path, status in {
        "/nothing": 404,
        "/events/evt-999": 404,
        "/events?topic=x": 422,
        "/events?format=csv": 422,
    }.items():
        page = client.get(path, headers={**BROWSER, "Accept-Language": "en"})
        assert page.status_code == status
        assert page.headers["content-type"].startswith("text/html")
        JustHTML(page.text, strict=True, sanitize=False)


def test_lists_are_filtered_by_the_form_and_by_facets(client: httpx.Client) -> None:
    page = client.get("/events?type=detention&date_from=&q=", headers=BROWSER)
    data = client.get("/v1/events?type=detention").json()
    assert f"In this list: {data['meta']['total']}" in text_of(page)
    for each in data["data"]:
        assert f"/events/{each['id']}" in Links(page.text).leads
    assert "/events" in Links(page.text).leads  # the filter can be taken off


def test_filters_in_use_are_told_in_words(client: httpx.Client) -> None:
    asked = "/statistics?period_from=2017-05&period_match=certain&qualifier!=about&place=null"
    page = text_of(client.get(asked, headers={**BROWSER, "Accept-Language": "en"}))
    for told in ("From: 1 May 2017", "Date match: certain", "not How it was stated: about", "Place: none stated"):
        assert told in page


def test_a_page_looks_for_no_list_that_cannot_be(
    publish_to: PublishTo, serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_to(tmp_path / "data", archive(record("top-1"), record("top-2"), record("evt-1", topics=["top-2"])))
    client = serve(tmp_path / "data", cache_mib=0)
    asked = list[str]()
    look_up = Catalogue.look_up

    def counted(catalogue: Catalogue, criteria: Criteria) -> Listing:
        asked.append(criteria.collection)
        return look_up(catalogue, criteria)

    monkeypatch.setattr(Catalogue, "look_up", counted)
    for path, lists in (("/topics/top-1", []), ("/topics/top-2", ["events"])):
        assert client.get(path, headers=BROWSER).status_code == 200
        assert asked == lists, path
        asked.clear()


def test_pages_can_be_paged_through(client: httpx.Client) -> None:
    address, seen = "/agents?limit=5", list[str]()
    while address:
        page = client.get(address, headers=BROWSER).text
        seen += re.findall(r'<h2><a href="/agents/([^"]+)"', page)
        following = re.findall(r'<a rel="next" href="([^"]+)"', page)
        address = html.unescape(following[0]) if following else ""
    assert seen == [each["id"] for each in client.get("/v1/agents?limit=200").json()["data"]]


def test_the_reading_room_can_be_left_out(serve: Serve, seed_data: Path) -> None:
    client = serve(seed_data, pages=False)
    assert client.get("/testimonies", headers=BROWSER).headers["content-type"] == "application/problem+json"
    assert client.get("/v1/testimonies").status_code == 200


def test_search_engines_are_let_in_where_asked(serve: Serve, seed_data: Path) -> None:
    closed, opened = serve(seed_data), serve(seed_data, indexed=True)
    assert closed.get("/sitemap.xml").status_code == 404
    assert "Sitemap" not in closed.get("/robots.txt").text
    assert "x-robots-tag" not in opened.get("/", headers=BROWSER).headers
    assert "noindex" not in opened.get("/", headers=BROWSER).text
    listed = re.findall("<loc>([^<]+)</loc>", opened.get("/sitemap.xml").text)
    records = [each for address in listed for each in re.findall("<loc>([^<]+)</loc>", opened.get(address).text)]
    counts = opened.get("/v1").json()["release"]["counts"]
    assert len(records) == len(set(records)) == sum(counts[name] for name in CRITERIA)
    assert opened.get(records[0], headers=BROWSER).status_code == 200


def test_below_another_path_links_stay_there(serve: Serve, seed_data: Path) -> None:
    client = serve(seed_data, root_path="/testimony")
    page = client.get("/testimony/testimonies", headers=BROWSER)
    local = [each for each in Links(page.text).leads + Links(page.text).loads if each.startswith("/")]
    assert local
    assert all(each.startswith("/testimony/") for each in local)
    assert client.get("/testimony/", headers=BROWSER).status_code == 200


def test_an_archive_brings_its_title_colour_and_footer(publish_to: PublishTo, serve: Serve, tmp_path: Path) -> None:
    theme = {"title": "Night trams", "accent": "#2f6b4f", "footer": "Kept <b>by</b> Arden."}
    publish_to(tmp_path / "data", archive(theme=theme))
    client = serve(tmp_path / "data")
    page = client.get("/events", headers=BROWSER)
    assert "<title>Events – Night trams</title>" in page.text
    assert "Kept &lt;b&gt;by&lt;/b&gt; Arden." in page.text
    [address] = [each for each in Links(page.text).loads if "style.css" in each]
    assert client.get(address).text.startswith(":root{--accent:#2f6b4f}")
    assert client.get("/v1").json()["archive"]["theme"] == theme


@pytest.mark.parametrize(
    "theme", [{"accent": "red"}, {"accent": "#fff}body{display:none"}, {"title": "x" * 121}, {"script": "x"}]
)
def test_a_theme_is_bounded(theme: dict[str, str], tmp_path: Path) -> None:
    report = check_archive(write(tmp_path / "archive.json", archive(theme=theme)), today=date(2026, 1, 1))
    assert [finding.pointer.startswith("/archive/theme") for finding in report.findings] == [True]
