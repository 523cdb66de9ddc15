"""What is measured: read with Prometheus' own parser, right to the request, and free of what was asked."""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from fastapi.routing import APIRoute
from prometheus_client import Metric, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from service.app import PARTS, create_app
from service.http.metrics import BUCKETS, Metrics
from service.http.middleware import OuterMiddleware
from service.http.proxies import TrustedProxies
from service.http.releases import Serving
from service.http.request_log import UNKNOWN, RequestObserver, Templates
from service.http.response_cache import ResponseCache
from service.settings import AccessLog, Settings
from tests.archives import archive, record
from tests.cli.test_command import Process, serving
from tests.conftest import PublishTo, Serve

PREFIX = "testimony_archive_"
#: Every metric that the guide tells of.
NAMES = {
    "request_duration_seconds",
    "requests_in_progress",
    "open_connections",
    "heavy_work_running",
    "heavy_work_waiting",
    "release_info",
    "release_age_seconds",
    "release_trouble",
    "release_watch_age_seconds",
    "build_info",
}


def scrape(client: httpx.Client) -> dict[str, Metric]:
    """Return what /metrics says, by name without the prefix."""
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=")
    assert answer.headers["cache-control"] == "no-store"
    return {family.name.removeprefix(PREFIX): family for family in text_string_to_metric_families(answer.text)}


def value(families: dict[str, Metric], name: str, sample: str = "", **labels: str) -> float | None:
    """Return one sample of a metric, or None where there is none with these labels."""
    full = f"{PREFIX}{name}{sample}"
    found = [each for each in families[name].samples if each.name == full and labels.items() <= each.labels.items()]
    return found[0].value if found else None


def counted(families: dict[str, Metric], route: str, status: int) -> float:
    return value(families, "request_duration_seconds", "_count", route=route, status=str(status)) or 0


def test_nothing_is_measured_unasked(client: httpx.Client, seed_data: Path) -> None:
    answer = client.get("/metrics")
    assert answer.status_code == 404
    assert answer.json()["type"].endswith("/problems/not-found")
    assert "TESTIMONY_ARCHIVE_METRICS" in answer.json()["detail"]
    # And nothing stands in the way of a request.
    assert isinstance(create_app(Settings(data=seed_data)).middleware_stack, OuterMiddleware)
    assert isinstance(create_app(Settings(data=seed_data, metrics=True)).middleware_stack, RequestObserver)


def test_requests_are_counted_by_the_template_of_their_route(seed_data: Path, serve: Serve) -> None:
    client = serve(seed_data, metrics=True)
    asked = {
        "/v1": ("/v1", 200),
        "/v1/events?type=detention": ("/v1/events", 200),
        "/v1/events/evt-001": ("/v1/events/{id}", 200),
        "/v1/events/evt-002": ("/v1/events/{id}", 200),
        "/v1/events/evt-none": ("/v1/events/{id}", 404),
        "/v1/events?x=1": ("/v1/events", 422),
        "/v1/testimonies/tes-001/transcript": ("/v1/testimonies/{id}/transcript", 404),
        "/docs/swagger-ui.css": ("/docs/{asset}", 200),
        "/docs/start.js": ("/docs/start.js", 200),
        "/a/secret/path": (UNKNOWN, 404),
        "/another": (UNKNOWN, 404),
        "/v1/archive": ("/v1/archive", 200),
    }
    for path in asked:
        client.get(path)
    # A streamed answer is counted a moment after its last byte was read.
    deadline = time.monotonic() + 60
    while not counted(families := scrape(client), "/v1/archive", 200):
        assert time.monotonic() < deadline
    for route, status in asked.values():
        expected = list(asked.values()).count((route, status))
        assert counted(families, route, status) == expected, route
        assert (
            value(families, "request_duration_seconds", "_bucket", route=route, status=str(status), le="+Inf")
            == expected
        )
        seconds = value(families, "request_duration_seconds", "_sum", route=route, status=str(status))
        assert seconds is not None
        assert 0 < seconds < 60
    assert counted(scrape(client), "/metrics", 200) >= 1
    client.head("/v1")
    assert counted(scrape(client), "/v1", 200) == 2


def test_everything_the_guide_tells_of_is_there(seed_data: Path, serve: Serve) -> None:
    client = serve(seed_data, metrics=True)
    families = scrape(client)
    assert set(families) >= NAMES
    guide = (Path(__file__).parent.parent.parent / "docs" / "operate.md").read_text(encoding="utf-8")
    assert [name for name in families if f"`{name}" not in guide] == []
    assert all(family.documentation for family in families.values())
    assert value(families, "requests_in_progress") == 1
    release = client.get("/v1").json()["release"]
    assert value(families, "release_info", id=release["id"], number=str(release["number"])) == 1
    age = value(families, "release_age_seconds")
    assert age is not None
    assert -1 <= age < 3600
    assert value(families, "release_trouble") == 0
    assert {each.labels["kind"] for each in families["heavy_work_waiting"].samples} == {"query", "stream"}


def test_no_label_holds_what_was_asked(seed_data: Path, serve: Serve) -> None:
    client = serve(seed_data, metrics=True)
    for path in ("/v1/events?q=marker1", "/marker2", "/v1/events/evt-marker3", "/v1/events?cursor=marker4"):
        client.get(path, headers={"X-Request-ID": "marker5", "User-Agent": "marker6", "X-Forwarded-For": "marker7"})
    shown = client.get("/metrics").text
    assert "marker" not in shown
    assert "127.0.0.1" not in shown


def test_strangers_add_no_series(seed_data: Path, serve: Serve) -> None:
    client = serve(seed_data, metrics=True)
    client.get("/first")
    client.request("PROPFIND", "/v1/events")
    before = len(scrape(client)["request_duration_seconds"].samples)
    scrape(client)
    after = len(scrape(client)["request_duration_seconds"].samples)
    for n in range(30):
        client.get(f"/made-up/{n}")
        client.request("PROPFIND", f"/v1/events?n={n}")
    assert len(scrape(client)["request_duration_seconds"].samples) == after
    assert after - before == len(BUCKETS) + 3  # /metrics itself


def test_a_release_that_cannot_be_served_shows(tmp_path: Path, publish_to: PublishTo, serve: Serve) -> None:
    client = serve(tmp_path / "data", metrics=True)
    families = scrape(client)
    assert value(families, "release_trouble") == 1
    assert "release_info" not in families
    client.get("/v1")
    assert counted(scrape(client), "/v1", 503) == 1
    publish_to(tmp_path / "data", archive(record("tes-1")))
    deadline = time.monotonic() + 60
    while value(families := scrape(client), "release_trouble") == 1:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert value(families, "release_info", number="1") == 1


def test_the_cache_is_measured(seed_data: Path, serve: Serve) -> None:
    client = serve(seed_data, metrics=True)
    for _ in range(4):
        client.get("/v1/events/evt-001")
    families = scrape(client)
    assert value(families, "cache_requests", "_total", result="hit") == 2
    assert value(families, "cache_requests", "_total", result="miss") == 3  # /metrics itself, too
    # What the cache answers is counted like any other.
    assert counted(families, "/v1/events/{id}", 200) == 4


@contextmanager
def ended(process: Process) -> Iterator[None]:
    """Stop a server at the end, whatever happened: workers outlive a parent that is killed."""
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(12)


def test_workers_say_which_they_are_and_count_connections(tmp_path: Path) -> None:
    with serving("--data", tmp_path / "data", "--workers", 2, "--metrics") as (process, address, _said), ended(process):
        pids: set[str] = set()
        deadline = time.monotonic() + 60
        while len(pids) < 2:
            assert time.monotonic() < deadline, "one worker took every connection"
            with httpx.Client(base_url=address, trust_env=False) as other:
                families = scrape(other)
            pids |= {each.labels["pid"] for each in families["release_info"].samples}
            assert all("pid" in each.labels for family in families.values() for each in family.samples)


def test_connections_are_counted_while_they_are_open(tmp_path: Path) -> None:
    with serving("--data", tmp_path / "data", "--metrics") as (_, address, _said):
        with (
            httpx.Client(base_url=address, trust_env=False) as one,
            httpx.Client(base_url=address, trust_env=False) as two,
        ):
            one.get("/healthz")
            assert value(scrape(two), "open_connections") == 2
        deadline = time.monotonic() + 60
        with httpx.Client(base_url=address, trust_env=False) as three:
            while value(scrape(three), "open_connections") != 1:
                assert time.monotonic() < deadline
                time.sleep(0.02)
            assert "pid" not in scrape(three)["release_info"].samples[0].labels


def test_long_answers_being_made_are_counted() -> None:
    serving_nothing = Serving(Path("none"))
    metrics = Metrics(serving_nothing, ResponseCache(0), several=False)
    shown: list[str] = []

    async def look() -> None:
        for borrower in ("one", "other"):
            serving_nothing.stream_threads.acquire_on_behalf_of_nowait(borrower)
        async with anyio.create_task_group() as group:
            group.start_soon(serving_nothing.stream_threads.acquire_on_behalf_of, "a third")
            await anyio.wait_all_tasks_blocked()
            shown.append(generate_latest(metrics).decode())
            serving_nothing.stream_threads.release_on_behalf_of("one")

    anyio.run(look)
    families = {family.name.removeprefix(PREFIX): family for family in text_string_to_metric_families(shown[0])}
    assert value(families, "heavy_work_running", kind="stream") == 2
    assert value(families, "heavy_work_waiting", kind="stream") == 1
    assert value(families, "heavy_work_running", kind="query") == 0


@pytest.mark.parametrize(
    ("path", "root_path", "prefix", "template"),
    [
        ("/v1/events/evt-1", "", "", "/v1/events/{id}"),
        ("/v1/events/evt-1/x", "", "", UNKNOWN),
        ("/v1/events/", "", "", UNKNOWN),
        ("/v1/eventsX", "", "", UNKNOWN),
        ("/", "", "", UNKNOWN),
        ("", "", "", UNKNOWN),
        ("/below/v1/events", "/below", "", "/v1/events"),
        ("/v1/events", "/below", "", "/v1/events"),
        ("/shown/v1/events/evt-1", "", "/shown/", "/v1/events/{id}"),
        ("/shown/v1/events", "", "", UNKNOWN),
        ("/v1/sources/src-1/text", "", "", "/v1/sources/{id}/text"),
        ("/problems/not-found", "", "", "/problems/{slug}"),
    ],
)
def test_a_path_has_the_template_of_its_route(path: str, root_path: str, prefix: str, template: str) -> None:
    paths = [route.path for part in PARTS for route in part.router.routes if isinstance(route, APIRoute)]
    headers = [(b"x-forwarded-prefix", prefix.encode())] if prefix else []
    assert Templates(paths, root_path=root_path).of({"path": path, "headers": headers}) == template


def test_every_route_has_a_template() -> None:
    paths = [route.path for part in PARTS for route in part.router.routes if isinstance(route, APIRoute)]
    assert len(paths) > 20
    templates = Templates(paths, root_path="")
    for path in paths:
        asked = path.replace("{id}", "a-1").replace("{slug}", "a").replace("{asset}", "a.css")
        assert templates.of({"path": asked, "headers": []}) == path


def test_a_request_that_fails_is_counted_with_status_0() -> None:
    observed: list[tuple[str, int]] = []

    class Seen(Metrics):
        def observe(self, route: str, status: int, seconds: float) -> None:
            observed.append((route, status))

    async def fails(*_: Any) -> None:
        raise RuntimeError

    async def nothing(*_: Any) -> Any:
        return None

    metrics = Seen(Serving(Path("none")), ResponseCache(0), several=False)
    application: Any = fails
    watching = RequestObserver(
        application,
        templates=Templates([], root_path=""),
        metrics=metrics,
        access_log=AccessLog.OFF,
        proxies=TrustedProxies(()),
    )
    with pytest.raises(RuntimeError):
        anyio.run(watching, {"type": "http", "path": "/v1", "headers": []}, nothing, nothing)
    assert (observed, metrics.in_progress) == ([(UNKNOWN, 0)], 0)
