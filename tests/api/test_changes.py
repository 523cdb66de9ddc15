"""The change log over HTTP: what a mirror and a feed reader see, and that a mirror ends with what is served."""

import asyncio
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import feedparser  # type: ignore[import-untyped]
import httpx
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from service.api.shapes import Changes
from service.app import create_app
from service.catalogue.changes import page_statement
from service.catalogue.cursor import encode_parts
from service.release.data_folder import prune, roll_back
from service.release.opening import open_release
from service.release.publish import publish
from service.settings import Settings
from tests.archives import CRITERIA, TIMES, Fields, archive, record, write
from tests.conftest import PublishTo, Serve, running

GONE: list[Fields] = [{"id": "tes-1", "on": "2026-03-02"}]


def at(day: int) -> Callable[[], datetime]:
    return lambda: datetime(2026, 3, day, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """Three releases: tes-1 and tes-2 appear, tes-1 is withdrawn and tes-2 changes, tes-3 appears."""
    folder = tmp_path_factory.mktemp("history")
    path, later = folder / "archive.json", record("tes-2", title="Later")
    for day, whole in enumerate(
        (
            archive(record("tes-1", title="marker-gone"), record("tes-2")),
            archive(later, withdrawn=GONE),
            archive(later, record("tes-3"), withdrawn=GONE),
        ),
        1,
    ):
        publish(write(path, whole), folder / "data", now=at(day))
    with running(Settings(data=folder / "data")) as client:
        yield client


def seen(page: Any) -> list[tuple[str, str]]:
    return [(entry["action"], entry["id"]) for entry in page["data"]]


WHOLE = [
    ("created", "agt-1"),
    ("created", "src-1"),
    ("created", "tes-1"),
    ("created", "tes-2"),
    ("withdrawn", "tes-1"),
    ("updated", "tes-2"),
    ("created", "tes-3"),
]


# --- Reading the log ------------------------------------------------------------------------------------------------


def test_changes_come_in_order_the_oldest_first(history: httpx.Client) -> None:
    page = history.get("/v1/changes").json()
    TypeAdapter(Changes).validate_python(page, strict=True)
    assert seen(page) == WHOLE
    assert [entry["sequence"] for entry in page["data"]] == list(range(1, 8))
    assert page["links"]["next"] is None
    assert page["data"][5] == {
        "sequence": 6,
        "action": "updated",
        "record": "testimony",
        "collection": "testimonies",
        "id": "tes-2",
        "title": "Later",
        "version": 2,
        "at": "2026-03-02T12:00:00Z",
        "release": page["data"][4]["release"],
        "erase": False,
        "href": str(history.base_url.join("/v1/testimonies/tes-2")),
    }
    assert page["data"][6]["release"] == page["meta"]["release"]


def test_of_what_was_withdrawn_only_identifier_and_day_are_told(history: httpx.Client) -> None:
    for address in ("/v1/changes", "/v1/changes?format=atom"):
        assert "marker-gone" not in history.get(address).text
    of_it = [entry for entry in history.get("/v1/changes").json()["data"] if entry["id"] == "tes-1"]
    assert [entry["action"] for entry in of_it] == ["created", "withdrawn"]
    for entry in of_it:
        assert (entry["version"], entry["href"], entry["title"]) == (None, None, None)


def test_what_must_be_erased_is_asked_for_alone(history: httpx.Client) -> None:
    every = history.get("/v1/changes").json()["data"]
    erased = history.get("/v1/changes?erase=true").json()["data"]
    assert [(each["action"], each["id"]) for each in erased] == [("withdrawn", "tes-1")]
    assert erased == [each for each in every if each["erase"]]
    assert history.get("/v1/changes?erase=false").json()["data"] == [each for each in every if not each["erase"]]
    feed = history.get("/v1/changes?erase=true&format=atom").text
    assert feed.count("<entry>") == 1
    assert '<category term="erase" />' in feed


def test_what_must_be_erased_is_found_without_reading_the_log(history: httpx.Client) -> None:
    serving = history.application.state.serving  # type: ignore[attr-defined]
    release = serving.served.catalogue.release
    for newest_first, binds in ((False, (0, "", 1)), (True, (9, 0, "", 1))):
        statement = page_statement(newest_first=newest_first, erase=True)
        plan = " ".join(row[3] for row in release.rows(f"EXPLAIN QUERY PLAN {statement}", binds))
        assert "USING INDEX change_that_erases" in plan


@pytest.mark.parametrize("limit", [1, 3, 7, 200])
def test_the_newest_come_first_where_asked(history: httpx.Client, limit: int) -> None:
    page = history.get(f"/v1/changes?sort=-at&limit={limit}").json()
    entries = seen(page)
    while page["links"]["next"]:
        page = history.get(page["links"]["next"]).json()
        entries += seen(page)
    assert entries == WHOLE[::-1]
    assert history.get("/v1/changes?sort=at").json()["data"] == history.get("/v1/changes").json()["data"]


def test_a_cursor_of_one_order_is_none_of_the_other(history: httpx.Client) -> None:
    cursor = history.get("/v1/changes?sort=-at&limit=1").json()["meta"]["cursor"]
    for query in ("", "&sort=at"):
        answer = history.get(f"/v1/changes?cursor={cursor}{query}")
        assert answer.status_code == 422
        assert "other order" in answer.json()["detail"]
    assert history.get(f"/v1/changes?format=atom&cursor={cursor}").status_code == 200


@pytest.mark.parametrize("limit", [1, 2, 3, 6, 7, 200])
def test_pages_follow_one_another(history: httpx.Client, limit: int) -> None:
    page = history.get(f"/v1/changes?limit={limit}").json()
    entries = seen(page)
    while page["links"]["next"]:
        assert page["links"]["next"] == page["links"]["resume"]
        assert len(page["data"]) == limit
        page = history.get(page["links"]["next"]).json()
        entries += seen(page)
    assert entries == WHOLE


@pytest.mark.parametrize(
    ("since", "count"),
    [
        ("2026-03-01", 7),
        ("2026-03-01T12:00:00Z", 7),
        ("2026-03-01T12:00:01Z", 3),
        ("2026-03-02", 3),
        ("2026-03-03T13:00:00%2B01:00", 1),
        ("2026-03-04", 0),
        ("0001-01-01", 7),
        ("9999-12-31", 0),
    ],
)
def test_since_leaves_out_what_came_before(history: httpx.Client, since: str, count: int) -> None:
    page = history.get(f"/v1/changes?since={since}").json()
    assert seen(page) == WHOLE[7 - count :]
    assert seen(history.get(page["links"]["resume"]).json()) == []
    assert len(feedparser.parse(history.get(f"/v1/changes?since={since}&format=atom").content).entries) == count


def test_the_end_of_the_log_is_a_place_to_come_back_to(tmp_path: Path, publish_to: PublishTo, serve: Serve) -> None:
    data = tmp_path / "data"
    publish_to(data, archive(record("tes-1")), now=at(1))
    cursor = serve(data).get("/v1/changes").json()["meta"]["cursor"]
    # Nothing but the head changes: a release without entries.
    publish_to(data, archive(record("tes-1"), title="Renamed"), now=at(2))
    between = serve(data).get(f"/v1/changes?cursor={cursor}").json()
    assert seen(between) == []
    publish_to(data, archive(record("tes-1"), record("tes-2")), now=at(3), keep=1)
    client = serve(data)
    # The release that the cursor was read at has been pruned: the log still tells of it.
    for known in (cursor, between["meta"]["cursor"]):
        assert seen(client.get(f"/v1/changes?cursor={known}").json()) == [("created", "tes-2")]


# --- Starting over --------------------------------------------------------------------------------------------------


def test_a_mirror_is_told_to_start_over_where_the_log_cannot_tell(
    tmp_path: Path, publish_to: PublishTo, serve: Serve
) -> None:
    data = tmp_path / "data"
    publish_to(data, archive(record("tes-1")), now=at(1))
    first = serve(data).get("/v1/changes?limit=1").json()["meta"]["cursor"]
    publish_to(data, archive(record("tes-1"), record("tes-2")), now=at(2))
    # Read at release 2, though the entry before it is of release 1: what was fetched may be of release 2.
    second = serve(data).get("/v1/changes?limit=1").json()["meta"]["cursor"]
    assert serve(data).get(f"/v1/changes?cursor={second}").status_code == 200
    roll_back(data)
    client = serve(data)
    refused = client.get(f"/v1/changes?cursor={second}")
    assert refused.status_code == 410
    assert refused.json()["type"].endswith("/problems/start-over")
    assert "without cursor" in refused.json()["detail"]
    assert client.get(f"/v1/changes?cursor={first}").status_code == 200
    publish_to(data, archive(record("tes-1"), record("tes-3")), now=at(3))
    prune(data, keep=1)
    client = serve(data)
    assert client.get(f"/v1/changes?cursor={second}").status_code == 410
    assert seen(client.get(f"/v1/changes?cursor={first}").json())[-1] == ("created", "tes-3")
    publish_to(tmp_path / "other", archive(record("tes-1")), now=at(4))
    for cursor in (first, second):
        assert serve(tmp_path / "other").get(f"/v1/changes?cursor={cursor}").status_code == 410


@pytest.mark.parametrize(
    "parts",
    [
        [],
        ["changes"],
        ["changes", 0, 1, "sha256:x", "2026", -1],
        ["changes", 0, 1, "sha256:x", "2026", 2**63],
        ["changes", 0, 1, "sha256:x", "2026", True],
        ["changes", 0, 1, 5, "2026", 1],
        ["lists", 0, 1, "sha256:x", "2026", 1],
        [1, "fingerprint", 0, "key", "tes-1"],
    ],
)
def test_a_cursor_that_was_made_up_is_refused(history: httpx.Client, parts: list[Any]) -> None:
    answer = history.get(f"/v1/changes?cursor={encode_parts(parts)}")
    assert answer.status_code == 422
    assert answer.json()["type"].endswith("/problems/invalid-cursor")


def test_a_cursor_of_another_list_or_format_is_refused(history: httpx.Client) -> None:
    page = history.get("/v1/changes?limit=1").json()
    for address in (f"/v1/testimonies?cursor={page['meta']['cursor']}", f"{page['links']['next']}&format=atom"):
        answer = history.get(address)
        assert (answer.status_code, answer.json()["type"].rpartition("/")[2]) == (422, "invalid-cursor")


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("since=yesterday", "since"),
        ("format=rss", "format"),
        ("q=x", "q"),
    ],
)
def test_what_the_log_cannot_be_asked_is_refused(history: httpx.Client, query: str, parameter: str) -> None:
    answer = history.get(f"/v1/changes?{query}")
    assert (answer.status_code, answer.json()["errors"][0]["parameter"]) == (422, parameter)


# --- The feed -------------------------------------------------------------------------------------------------------


def test_the_feed_is_read_by_feed_readers(history: httpx.Client) -> None:
    answer = history.get("/v1/changes?format=atom&limit=5")
    assert answer.headers["content-type"] == "application/atom+xml"
    feed = feedparser.parse(answer.content)
    assert not feed.bozo
    assert feed.version == "atom10"
    assert feed.feed.title == "Arden: changes"
    assert feed.feed.updated == "2026-03-03T12:00:00Z"
    assert [entry.title for entry in feed.entries] == [
        "New testimony: What was said",
        "Changed testimony: Later",
        "Withdrawn testimony: tes-1",
        "New testimony: Later",
        "New testimony: tes-1",
    ]
    links = {link.rel: link.href for link in feed.feed.links}
    assert links["self"] == f"{str(history.base_url).rstrip('/')}/v1/changes?format=atom&limit=5"
    following = feedparser.parse(history.get(links["next"]).content)
    assert [entry.title for entry in following.entries] == ["New source: A report", "New agent: The council"]
    assert "next" not in {link.rel for link in following.feed.links}
    ids = [entry.id for entry in [*feed.entries, *following.entries]]
    assert len(set(ids)) == 7
    assert all(name.startswith("urn:uuid:") for name in [feed.feed.id, *ids])
    page, data = ((link.type, history.get(link.href)) for link in feed.entries[0].links)
    assert (page[0], data[0]) == ("text/html", "application/json")
    assert "What was said" in page[1].text
    assert data[1].json()["title"] == "What was said"
    assert links["alternate"] == f"{str(history.base_url).rstrip('/')}/"
    assert [link.rel for link in feed.entries[2].get("links", [])] == []


def test_a_feed_leads_to_data_where_there_are_no_pages(publish_to: PublishTo, serve: Serve, tmp_path: Path) -> None:
    publish_to(tmp_path / "data", archive(record("evt-1")))
    client = serve(tmp_path / "data", pages=False)
    base = str(client.base_url).rstrip("/")
    for address in ("changes?format=atom", "events.atom"):
        feed = feedparser.parse(client.get(f"/v1/{address}").content)
        assert feed.feed.link == f"{base}/v1"
        assert [link.rel for link in feed.entries[0].links] == ["alternate"]
        assert feed.entries[0].link.startswith(f"{base}/v1/")


def test_every_element_that_atom_requires_is_there(history: httpx.Client) -> None:
    feed = ET.fromstring(history.get("/v1/changes?format=atom").content)
    name = "{http://www.w3.org/2005/Atom}"
    for child in ("id", "title", "updated", "author"):
        assert len(feed.findall(name + child)) == 1
    entries = feed.findall(name + "entry")
    assert entries
    for entry in entries:
        for child in ("id", "title", "updated", "content"):
            assert len(entry.findall(name + child)) == 1


@pytest.mark.parametrize(
    "title", ["<b>&amp; ]]> \"'", "a\nb", "\ufffe\uffff end", "\u202eright to left", "\x85\u2028", "🚇"]
)
def test_a_title_cannot_break_the_feed(tmp_path: Path, publish_to: PublishTo, serve: Serve, title: str) -> None:
    whole = archive(record("tes-1", title=title), title=title, publisher={"name": title, "url": None})
    publish_to(tmp_path / "data", whole)
    feed = ET.fromstring(serve(tmp_path / "data").get("/v1/changes?format=atom").content)
    titles = [each.text for each in feed.iter("{http://www.w3.org/2005/Atom}title")]
    expected = title.replace("\ufffe", "\ufffd").replace("\uffff", "\ufffd")
    assert titles[:2] == [f"{expected}: changes", f"New testimony: {expected}"]


def test_format_goes_before_accept(history: httpx.Client) -> None:
    for accept, query, expected in (
        ("application/atom+xml", "", "application/atom+xml"),
        ("application/atom+xml", "?format=json", "application/json"),
        ("application/json", "?format=atom", "application/atom+xml"),
        ("text/html, */*;q=0.1", "", "application/json"),
    ):
        answer = history.get(f"/v1/changes{query}", headers={"Accept": accept})
        assert answer.headers["content-type"] == expected
    refused = history.get("/v1/changes", headers={"Accept": "text/csv"})
    assert refused.status_code == 406
    assert refused.json()["errors"][0]["allowed"] == ["application/json", "application/atom+xml"]
    types = ("application/json", "application/atom+xml")
    assert len({history.get("/v1/changes", headers={"Accept": each}).headers["etag"] for each in types}) == 2


# --- Following ------------------------------------------------------------------------------------------------------


class Mirror:
    """Keeps a copy of an archive by its changes alone, as the documentation says."""

    def __init__(self) -> None:
        self.records: dict[str, Any] = {}
        self.cursor: str | None = None
        self.started_over = 0

    async def follow(self, client: httpx.AsyncClient, *, limit: int, pages: int | None = None) -> None:
        """Read on from where the last reading ended: to the end, or `pages` pages."""
        while pages is None or pages > 0:
            position = {"cursor": self.cursor} if self.cursor else {}
            answer = await client.get("/v1/changes", params={"limit": limit, **position})
            if answer.status_code == 410:
                assert answer.json()["type"].endswith("/problems/start-over")
                self.records, self.cursor = {}, None
                self.started_over += 1
                continue
            page = answer.json()
            for entry in page["data"]:
                await self.apply(client, entry)
            self.cursor = page["meta"]["cursor"]
            if page["links"]["next"] is None:
                return
            pages = None if pages is None else pages - 1

    async def apply(self, client: httpx.AsyncClient, entry: Any) -> None:
        if entry["href"] is None:
            self.records.pop(entry["id"], None)
        else:
            answer = await client.get(entry["href"])
            assert answer.status_code == 200
            self.records[entry["id"]] = own_part(answer.json())


def own_part(document: Any) -> Any:
    """Return what a record itself shows: that others name it is no new version of it."""
    return {key: value for key, value in document.items() if key not in ("referred_by", "links")}


async def served_records(client: httpx.AsyncClient) -> dict[str, Any]:
    """Return every record that is served."""
    records = {}
    for collection in CRITERIA:
        page = (await client.get(f"/v1/{collection}?limit=200")).json()
        assert page["links"]["next"] is None
        records.update({each["id"]: own_part(each) for each in page["data"]})
    return records


@st.composite
def steps(draw: st.DrawFn) -> Fields:
    """One thing that is done to an archive, and how far a mirror reads afterwards."""
    return {
        "act": draw(st.sampled_from(["publish", "publish", "publish", "roll back", "anew"])),
        "states": {
            f"tes-{n}": draw(st.sampled_from(["there", "changed", "hidden", "withdrawn", "absent"])) for n in range(5)
        },
        "name": draw(st.sampled_from(["The council", "The board"])),
        "title": draw(st.sampled_from(["Arden", "Arden again"])),
        "limit": draw(st.integers(1, 5)),
        "pages": draw(st.sampled_from([None, None, 0, 1])),
    }


def archive_of(step: Fields, withdrawn: set[str]) -> Fields:
    """Return the archive of a step. What was public and is absent now is withdrawn; what was withdrawn stays so."""
    records = []
    for record_id, state in step["states"].items():
        if record_id in withdrawn or state in ("withdrawn", "absent"):
            continue
        hidden = {"access": {"visibility": "restricted"}} if state == "hidden" else {}
        records.append(record(record_id, title=f"Title, {state}", **hidden))
    gone = [{"id": record_id, "on": "2026-03-01"} for record_id in sorted(withdrawn)]
    return archive(record("agt-1", name=step["name"]), *records, withdrawn=gone, title=step["title"])


@settings(
    max_examples=6 * TIMES,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow],
)
@given(st.lists(steps(), min_size=2, max_size=5))
def test_a_mirror_ends_with_the_records_that_are_served(plan: list[Fields]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(live_through(plan, Path(folder)))


async def live_through(plan: list[Fields], folder: Path) -> None:
    """Publish, go back and begin anew as planned, a mirror following; compare it with what is served at the end of each
    step that it reads to the end.
    """
    mirror, lives = Mirror(), 0
    withdrawn: set[str] = set()
    for number, step in enumerate(plan):
        data = folder / str(lives)
        if step["act"] == "roll back" and data.is_dir() and len(list((data / "releases").iterdir())) > 1:
            roll_back(data, int(min((data / "releases").iterdir()).name.partition("-")[0]))
        else:
            if step["act"] == "anew":
                lives, withdrawn = lives + 1, set()
                data = folder / str(lives)
            withdrawn |= {record_id for record_id, state in step["states"].items() if state in ("withdrawn", "absent")}
            publish(write(folder / "archive.json", archive_of(step, withdrawn)), data, now=at(number + 1))
        app = create_app(Settings(data=data))
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://archive.example") as client,
        ):
            pages = step["pages"] if step is not plan[-1] else None
            await mirror.follow(client, limit=step["limit"], pages=pages)
            if pages is None:
                assert mirror.records == await served_records(client)


@pytest.mark.parametrize(("newest_first", "bounds"), [(False, (1,)), (True, (9, 1))])
def test_a_page_is_found_by_its_number(
    tmp_path: Path, publish_to: PublishTo, newest_first: bool, bounds: tuple[int, ...]
) -> None:
    published = publish_to(tmp_path / "data", archive(*(record(f"tes-{n}") for n in range(20))))
    statement = "EXPLAIN QUERY PLAN " + page_statement(newest_first=newest_first)
    with closing(open_release(published.folder)) as release:
        told = " ".join(str(row[-1]) for row in release.rows(statement, (*bounds, "", 5)))
    assert "SCAN" not in told
    assert "TEMP B-TREE" not in told
