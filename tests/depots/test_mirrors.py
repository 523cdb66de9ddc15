"""Mirrors: the same release under the same id, what was taken back is gone, and an origin is not believed."""

import http.server
import itertools
import json
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.depots import mirrors, origin
from service.depots.following import Follower, read_standing
from service.depots.mirrors import Mirror
from service.depots.origin import Origin
from service.depots.signatures import read_allowed_signers, read_signer
from service.errors import MirrorError, OriginRefused, OriginUnreachable, ReleaseError, SettingsInvalid
from service.release.data_folder import current_folder, kept_releases, roll_back
from service.release.publish import publish
from service.settings import Settings
from tests.archives import Fields, write
from tests.conftest import Serve, running
from tests.depots.keys import allow, make_key
from tests.depots.publishing import edition, files_of, served_from

#: Addresses whose answers a mirror must have byte for byte, but for the host in links.
ASKED = (
    "/v1/testimonies?facets=language",
    "/v1/testimonies/tes-1",
    "/v1/events/evt-1",
    "/v1/changes?limit=200",
    "/v1/changes?format=atom",
    "/v1/releases",
    "/v1/releases?format=ndjson",
    "/v1/archive",
    "/v1/search?q=Testimony",
)


def release(data: Path, whole: Fields, **options: Any) -> None:
    data.parent.mkdir(parents=True, exist_ok=True)
    publish(write(data.with_suffix(".json"), whole), data, **options)


def id_of(data: Path) -> str:
    [current] = [each for each in kept_releases(data) if each.current]
    assert current.manifest is not None
    return current.manifest.id


def wait_for(client: httpx.Client, data: Path) -> None:
    while client.get("/readyz").json().get("release") != id_of(data):
        pass


def answers(client: httpx.Client) -> dict[str, str]:
    base = str(client.base_url).rstrip("/")
    return {path: client.get(path).text.replace(base, "BASE") for path in ASKED}


def history(client: httpx.Client) -> list[tuple[Any, ...]]:
    """Return the history of a record, less the digests of former versions: a mirror that began later cannot know those."""
    *former, latest = client.get("/v1/events/evt-1/history").json()["data"]
    told = [(each["version"], each["number"], each["at"], each["release"], each["erase"]) for each in former]
    return [*told, (latest["version"], latest["number"], latest["digest"])]


def test_a_mirror_answers_as_the_origin_does(tmp_path: Path, serve: Serve) -> None:
    data = tmp_path / "origin"
    for number in (1, 2, 3):
        release(data, edition(number))
    first = serve(data)
    Mirror(str(first.base_url), tmp_path / "mirror").look()
    second = serve(tmp_path / "mirror")
    assert answers(second) == answers(first)
    # A mirror of a mirror, which follows on: what it reads of the change log fits both.
    last = Mirror(f"{second.base_url}/v1/", tmp_path / "last")
    last.look()
    third = serve(tmp_path / "last")
    assert answers(third) == answers(first)
    assert history(third) == history(second) == history(first)
    cursor = second.get("/v1/changes?limit=200").json()["meta"]["cursor"]
    release(data, edition(4, gone=3))
    wait_for(first, data)
    Mirror(str(first.base_url), tmp_path / "mirror").look()
    wait_for(second, data)
    last.look()
    wait_for(third, data)
    assert answers(second) == answers(third) == answers(first)
    assert history(third) == history(second) == history(first)
    since = {str(each.base_url): each.get("/v1/changes", params={"cursor": cursor}).json() for each in (first, third)}
    assert [[entry["id"] for entry in page["data"]] for page in since.values()] == [["evt-1", "tes-3"]] * 2
    assert third.get("/v1/testimonies/tes-3").status_code == 410


def test_what_the_origin_takes_back_is_gone_with_the_next_look(tmp_path: Path, serve: Serve) -> None:
    release(tmp_path / "origin", edition(1))
    client = serve(tmp_path / "origin")
    mirror = Mirror(str(client.base_url), tmp_path / "mirror")
    mirror.look()
    release(tmp_path / "origin", edition(1, gone=3))
    wait_for(client, tmp_path / "origin")
    mirror.look()
    assert [each.folder.name for each in kept_releases(tmp_path / "mirror")] == [served_from(tmp_path / "origin")]
    assert not [name for name, data in files_of(tmp_path / "mirror").items() if b"Testimony 3" in data]


def test_going_back_is_followed_and_going_on_after_it(tmp_path: Path, serve: Serve) -> None:
    data = tmp_path / "origin"
    release(data, edition(1))
    client = serve(data)
    mirror = Mirror(str(client.base_url), tmp_path / "mirror")
    for change in (
        lambda: release(data, edition(2)),
        lambda: roll_back(data),
        lambda: release(data, edition(3)),
    ):
        change()
        wait_for(client, data)
        mirror.look()
        assert served_from(tmp_path / "mirror") == served_from(data)
    second = serve(tmp_path / "mirror")
    assert answers(second) == answers(client)


def test_only_what_an_allowed_key_signed_is_mirrored(tmp_path: Path, serve: Serve) -> None:
    key, other = make_key(tmp_path / "key"), make_key(tmp_path / "other")
    release(tmp_path / "origin", edition(1), sign=read_signer(key))
    client = serve(tmp_path / "origin")
    signers = {each: read_allowed_signers(allow(tmp_path / f"{each.name}.allowed", each)) for each in (key, other)}
    Mirror(str(client.base_url), tmp_path / "mirror", signers=signers[key]).look()
    with pytest.raises(OriginRefused, match="key that is not allowed"):
        Mirror(str(client.base_url), tmp_path / "another", signers=signers[other]).look()
    release(tmp_path / "origin", edition(2))
    wait_for(client, tmp_path / "origin")
    with pytest.raises(OriginRefused, match="release 2 is not signed"):
        Mirror(str(client.base_url), tmp_path / "mirror", signers=signers[key]).look()
    assert served_from(tmp_path / "mirror").startswith("1-")


def test_a_mirror_says_what_it_is_on_every_answer_and_page(tmp_path: Path, serve: Serve) -> None:
    release(tmp_path / "origin", edition(1))
    origin_client = serve(tmp_path / "origin")
    address = str(origin_client.base_url).rstrip("/")
    assert origin_client.get("/v1").json()["mirror"] is None
    data = tmp_path / "mirror"
    follower = Follower(Mirror(address, data), data, tell=lambda *_: None)
    follower.look()
    client = serve(data, mirror=address)
    standing = read_standing(data)
    assert standing is not None
    assert standing.seen_at is not None
    seen = f"{standing.seen_at[:16]}:00Z"
    assert client.get("/v1").json()["mirror"] == {"of": address, "seen_at": seen}
    for path in ("/v1/testimonies", "/v1/testimonies/tes-1", "/v1/none", "/openapi.json", "/assets/style.css", "/"):
        for _ in range(2):  # made, and kept
            assert client.get(path).headers["archive-mirror"] == f'<{address}>; seen="{seen}"', path
    page = client.get("/testimonies/tes-1", headers={"Accept": "text/html"}).text
    assert "This is a mirror of" in page
    assert f'href="{address}"' in page
    assert "archive-mirror" not in origin_client.get("/v1").headers
    follows = client.get("/readyz").json()["follows"]
    assert (follows["kind"], follows["address"], follows["trouble"]) == ("mirror", address, None)
    assert 0 <= follows["age_s"] < 60


def test_an_origin_that_is_gone_leaves_the_mirror_serving(tmp_path: Path) -> None:
    release(tmp_path / "origin", edition(1))
    data = tmp_path / "mirror"
    with running(Settings(data=tmp_path / "origin")) as client:
        address = str(client.base_url)
        Follower(Mirror(address, data), data, tell=lambda *_: None).look()
    told: list[str] = []
    follower = Follower(Mirror(address, data), data, tell=lambda _, message: told.append(message))
    waits = [follower.look() for _ in range(4)]
    assert waits == [4.0, 8.0, 8.0, 8.0]
    assert len(told) == 1
    with running(Settings(data=data, mirror=address)) as client:
        assert client.get("/v1/testimonies/tes-1").status_code == 200
        ready = client.get("/readyz").json()
        assert "Connection refused" in ready["trouble"]
        assert ready["follows"]["seen_at"] is not None


# --- Origins that are not believed --------------------------------------------------------------------------------------


Change = Callable[[str, int, dict[str, str], bytes], tuple[int, dict[str, str], Any]]


class Between(http.server.ThreadingHTTPServer):
    """Stands between a mirror and its origin, and changes what it passes on."""

    daemon_threads = True
    change: Change | None = None
    to: httpx.Client
    #: What was asked for, and with which ETag.
    asked: list[tuple[str, str | None]]


class _Passing(http.server.BaseHTTPRequestHandler):
    server: Between

    def do_GET(self) -> None:
        known = self.headers.get("If-None-Match")
        self.server.asked.append((self.path, known))
        headers = {"Accept-Encoding": "identity"} | ({"If-None-Match": known} if known else {})
        answer = self.server.to.get(self.path, headers=headers)
        status, sent, body = answer.status_code, dict(answer.headers), answer.content
        if self.server.change is not None:
            status, sent, body = self.server.change(self.path.partition("?")[0], status, sent, body)
        self.send_response(status)
        parts = [body] if isinstance(body, bytes) else body
        if isinstance(body, bytes) and "content-length" not in sent:
            sent["content-length"] = str(len(body))
        for name, value in sent.items():
            if name.lower() not in ("connection", "date", "server", "transfer-encoding"):
                self.send_header(name, value)
        self.end_headers()
        try:
            for part in parts:
                self.wfile.write(part)
        except OSError:
            pass  # the mirror has seen enough

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def standing_before(client: httpx.Client) -> Iterator[Between]:
    """Stand before an origin."""
    with Between(("127.0.0.1", 0), _Passing) as server:
        server.to, server.asked = client, []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server
        finally:
            server.shutdown()


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, httpx.Client]]:
    """An origin of two releases, and beside it the folder of a mirror that has the first. Never written to."""
    folder = tmp_path_factory.mktemp("prepared")
    release(folder / "origin", edition(1))
    with running(Settings(data=folder / "origin")) as client, standing_before(client) as server:
        Mirror(address_of(server), folder / "mirror").look()
        release(folder / "origin", edition(2))
        wait_for(client, folder / "origin")
        yield folder, client


@pytest.fixture
def between(tmp_path: Path, prepared: tuple[Path, httpx.Client]) -> Iterator[Between]:
    """Stand before an origin that has two releases; the mirror's folder has the first."""
    folder, client = prepared
    for name in ("origin", "mirror"):
        shutil.copytree(folder / name, tmp_path / name, symlinks=True)
    with standing_before(client) as server:
        notes = tmp_path / "mirror" / mirrors.NOTES
        notes.write_text(json.dumps(json.loads(notes.read_bytes()) | {"origin": address_of(server)}))
        yield server


def address_of(server: Between) -> str:
    return f"http://127.0.0.1:{server.server_port}"


def _on(path: str, change: Change) -> Change:
    return lambda asked, *answer: change(asked, *answer) if asked == path else answer


def _json(path: str, change: Callable[[Any], object]) -> Change:
    def changed(_: str, status: int, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str], bytes]:
        value = json.loads(body)
        change(value)
        return (
            status,
            {name: text for name, text in headers.items() if name != "content-length"},
            json.dumps(value).encode(),
        )

    return _on(path, changed)


def _endless(_: str, status: int, headers: dict[str, str], _body: bytes) -> tuple[int, dict[str, str], Any]:
    return (
        status,
        {name: text for name, text in headers.items() if name != "content-length"},
        itertools.repeat(b" " * (1 << 20)),
    )


FOUL: dict[str, Change] = {
    "other bytes": _on("/v1/archive", lambda _, status, headers, body: (status, headers, body[:-2] + b" \n")),
    "other content under a fitting id": _json("/v1", lambda value: value["release"].update(id="sha256:" + "0" * 64)),
    "a stream without an end": _on("/v1/archive", _endless),
    "an entrance without an end": _on("/v1", _endless),
    "a log without an end": _on("/v1/changes", _endless),
    "an archive cut short": _on("/v1/archive", lambda _, status, headers, body: (status, headers, body[:-9])),
    "a length that lies": _on(
        "/v1/archive", lambda _, status, headers, body: (status, headers | {"content-length": str(1 << 50)}, body)
    ),
    "a redirect elsewhere": _on("/v1/archive", lambda *_: (302, {"location": "http://127.0.0.1:1/x"}, b"")),
    "an entrance that leads elsewhere": _on("/v1", lambda *_: (301, {"location": "http://127.0.0.1:1/x"}, b"")),
    "no JSON": _on("/v1", lambda _, status, headers, _body: (status, {}, b"<html>")),
    "a list": _on("/v1", lambda _, status, headers, _body: (status, {}, b"[]")),
    "another archive": _json("/v1", lambda value: value["archive"].update(id="another")),
    "another number": _json("/v1", lambda value: value["release"].update(number=7)),
    "no statements": _on("/v1/releases", lambda _, status, headers, _body: (status, {}, b"")),
    "a log of another archive": _json("/v1/changes", lambda value: [each.update(id="tes-9") for each in value["data"]]),
    "a log of other releases": _json(
        "/v1/changes", lambda value: [each.update(at="2020-01-01T00:00:00Z") for each in value["data"]]
    ),
    "a log that goes round": _json("/v1/changes", lambda value: value["links"].update(next="again")),
    "a cursor that is a path": _json("/v1/changes", lambda value: value["meta"].update(cursor="../../x?y")),
    "a server that fails": lambda *_: (503, {}, b""),
}


@pytest.mark.parametrize("foul", FOUL)
def test_a_foul_origin_is_refused_and_the_old_release_stays(
    foul: str, between: Between, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mirrors, "MOST_PAGES", 20)
    monkeypatch.setattr(origin, "LONGEST", 4 << 20)
    data = tmp_path / "mirror"
    before = files_of(data)
    between.change = FOUL[foul]
    mirror = Mirror(address_of(between), data)
    with pytest.raises((MirrorError, ReleaseError)) as error:
        mirror.look()
    assert "\n" not in str(error.value)
    assert {name: content for name, content in files_of(data).items() if not name.startswith(".")} == {
        name: content for name, content in before.items() if not name.startswith(".")
    }
    assert sorted(path.name for path in (data / "releases").iterdir()) == [served_from(data)]
    between.change = None
    mirror.look()
    assert served_from(data) == served_from(tmp_path / "origin")


def test_a_mirror_asks_politely(between: Between, tmp_path: Path) -> None:
    mirror = Mirror(address_of(between), tmp_path / "mirror")
    mirror.look()
    between.asked.clear()
    mirror.look()
    mirror.look()
    assert [path for path, _ in between.asked] == ["/v1", "/v1"]
    assert all(known is not None for _, known in between.asked)


def test_an_origin_that_denies_its_past_is_refused(tmp_path: Path) -> None:
    release(tmp_path / "origin", edition(1))
    release(tmp_path / "another", edition(2))
    data = tmp_path / "mirror"
    with running(Settings(data=tmp_path / "origin")) as client:
        Mirror(str(client.base_url), data).look()
    with running(Settings(data=tmp_path / "another")) as client, pytest.raises(OriginRefused, match="denies"):
        Mirror(str(client.base_url), data).look()


def test_what_was_taken_back_is_not_shown_for_long_where_nothing_newer_can_be_had(
    tmp_path: Path, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "mirror"
    release(tmp_path / "origin", edition(1))
    client = serve(tmp_path / "origin")
    with standing_before(client) as between:
        mirror = Mirror(address_of(between), data)
        mirror.look()
        release(tmp_path / "origin", edition(2, gone=3))
        wait_for(client, tmp_path / "origin")
        between.change = FOUL["other bytes"]
        _withhold(mirror, between, data, monkeypatch)


def _withhold(mirror: Mirror, between: Between, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with running(Settings(data=data, mirror=address_of(between))) as client:
        with pytest.raises(OriginRefused):
            mirror.look()
        assert client.get("/v1/testimonies/tes-3").status_code == 200  # it may come right with the next look
        monkeypatch.setattr(mirrors, "ERASED_WITHIN_S", 0.0)
        with pytest.raises(OriginRefused):
            mirror.look()
        while client.get("/v1/testimonies/tes-3").status_code != 503:
            pass
        assert current_folder(data) is None
        assert not list((data / "releases").iterdir())
        # The whole origin gone, and the mirror started again: nothing comes back.
        Mirror(address_of(between), data).prepare()
        assert current_folder(data) is None
        between.change = None
        mirror.look()
        while client.get("/v1/testimonies/tes-3").status_code != 410:
            pass


def test_a_mirror_that_was_killed_before_it_erased_does_so_before_it_serves(tmp_path: Path, serve: Serve) -> None:
    release(tmp_path / "origin", edition(1))
    release(tmp_path / "origin", edition(2, gone=3))
    shutil.copytree(tmp_path / "origin", tmp_path / "mirror", symlinks=True)
    assert len(kept_releases(tmp_path / "mirror")) == 2
    Mirror("http://127.0.0.1:1", tmp_path / "mirror").prepare()
    assert [each.current for each in kept_releases(tmp_path / "mirror")] == [True]


@pytest.mark.parametrize(
    "address",
    [
        "archive.example.org",
        "ftp://x/",
        "http://",
        "http://u:secret@h/",
        "http://h:99999/",
        "http://h/?q",
        "http://h/é",
    ],
)
def test_an_address_that_cannot_be_asked_is_refused(address: str) -> None:
    with pytest.raises(SettingsInvalid) as error:
        Origin(address)
    assert "secret" not in str(error.value)


def test_a_silent_origin_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(origin, "SMALL_S", 0.2)
    slow = threading.Event()

    class Dripping(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            while not slow.wait(0.02):
                try:
                    self.wfile.write(b"H")
                except OSError:
                    return

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Dripping) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with pytest.raises(OriginUnreachable):
            Mirror(f"http://127.0.0.1:{server.server_port}", tmp_path / "mirror").look()
        slow.set()
        server.shutdown()
