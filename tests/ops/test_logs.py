"""The log: an event a line, as people or as machines read it, and in none of them what was asked or by whom."""

import json
import logging
import os
import re
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.errors import AnswerCutShort, NotReady
from service.http import problems
from service.http.logs import JsonLines, Lines, log_event, logging_config
from service.http.request_log import _visible
from service.settings import LogFormat
from tests.archives import archive, record, write
from tests.cli.test_command import serving
from tests.commands import Command
from tests.conftest import PublishTo, Serve
from tests.ops.test_metrics import ended

#: What no line may hold unless the operator asked for it.
SECRETS = ("marker-query", "marker-path", "marker-cursor", "marker-agent", "127.0.0.2")


def ask(address: str) -> None:
    """Send a server requests that hold markers, from an address of their own."""
    host, port = address.removeprefix("http://").split(":")
    for path in (
        "/v1/testimonies?q=marker-query",
        "/v1/events/marker-path",
        "/marker-path",
        "/v1/events?cursor=marker-cursor",
        "/v1/events?limit=marker-query",
        "/v1/events?format=csv&q=marker-query",
    ):
        with socket.create_connection((host, int(port)), 5, source_address=("127.0.0.2", 0)) as connection:
            connection.sendall(
                f"GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: marker-agent\r\nConnection: close\r\n\r\n".encode()
            )
            while connection.recv(1 << 16):
                pass
    # Broken HTTP, too.
    with socket.create_connection((host, int(port)), 5, source_address=("127.0.0.2", 0)) as connection:
        connection.sendall(b"GET /marker-path marker-query\r\n\r\n\r\n")
        connection.recv(1000)


def events(said: list[str], name: str | None = None) -> list[dict[str, Any]]:
    """Return the lines of a JSON log, all or those of one event. Every line has to be JSON."""
    lines = [json.loads(line) for line in said]
    return [line for line in lines if name is None or line["event"] == name]


def wait_for(holds: Callable[[], object], within: float = 10.0) -> None:
    deadline = time.monotonic() + within
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize("workers", [1, 2])
def test_each_event_is_a_json_object_on_a_line(tmp_path: Path, workers: int) -> None:
    data = tmp_path / "data"
    flags = ("--data", data, "--workers", workers, "--log-format", "json")
    with serving(*flags) as (process, address, said), ended(process):
        ask(address)
        (data / "current.new").symlink_to("releases/9-0123456789ab")
        (data / "current.new").rename(data / "current")
        wait_for(lambda: len(events(said, "release_damaged")) == workers)
        process.send_signal(signal.SIGTERM)
        assert process.wait(12) == 0
        wait_for(lambda: events(said, "stopped"))
    assert all({"time", "level", "event", "message", "pid"} <= set(line) for line in events(said))
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", line["time"]) for line in events(said))
    [published] = events(said, "published")
    assert (published["number"], published["records"], published["created"]) == (1, 76, 76)
    [started] = events(said, "started")
    assert (started["workers"], started["message"].startswith("Serving at http://")) == (workers, True)
    served = events(said, "release_served")
    assert {(line["release"], line["number"]) for line in served} == {(published["release"], 1)}
    assert len({line["pid"] for line in served}) == workers
    assert {line["level"] for line in events(said, "release_damaged")} == {"warning"}
    # Nothing about requests, and nothing that is no event.
    assert {line["event"] for line in events(said)} <= {
        *("published", "started", "release_served", "release_damaged", "stopped", "log"),
    }
    assert not any(secret in "".join(said) for secret in SECRETS)


def test_a_release_that_is_taken_over_is_an_event(tmp_path: Path, publish_to: PublishTo) -> None:
    data = tmp_path / "data"
    publish_to(data, archive(record("tes-1")))
    with serving("--data", data, "--log-format", "json") as (_, _address, said):
        newer = publish_to(data, archive(record("tes-1", title="Newer"))).manifest
        wait_for(lambda: len(events(said, "release_served")) == 2)
        last = events(said, "release_served")[-1]
        assert (last["release"], last["number"]) == (newer.id, 2)


def run(*arguments: object, folder: Path, **environment: str) -> tuple[int | None, str, str]:
    """Return the exit code of a command, and what it said on standard output and standard error."""
    with (folder / "said").open("w+") as said:
        command = Command(*arguments, stdout=said, env={**os.environ, **environment})
        _, error = command.communicate(60)
        said.seek(0)
        return command.returncode, said.read(), error


def test_why_a_server_does_not_start_is_an_event_too(tmp_path: Path, publish_to: PublishTo) -> None:
    data = tmp_path / "data"
    folder = publish_to(data, archive(record("tes-1"))).folder
    database = folder / "archive.sqlite"
    database.chmod(0o644)
    database.write_bytes(database.read_bytes()[:-5])
    code, _, error = run("serve", "--data", data, "--port", 0, "--log-format", "json", folder=tmp_path)
    [failed] = events(error.splitlines())
    assert (code, failed["event"], failed["level"]) == (1, "failed", "error")
    assert "bytes instead of" in failed["message"]


def test_a_publication_is_an_event_by_the_setting(tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", archive(record("tes-1")))
    for name in ("published", "unchanged"):
        arguments = ("publish", path, "--data", tmp_path / "data")
        code, said, error = run(*arguments, folder=tmp_path, TESTIMONY_ARCHIVE_LOG_FORMAT="json")
        [event] = events(error.splitlines())
        assert (code, said, event["event"], event["number"]) == (0, "", name, 1)


@pytest.mark.parametrize("form", list(LogFormat))
def test_requests_are_logged_by_route_where_asked_for(tmp_path: Path, form: LogFormat) -> None:
    flags = ("--data", tmp_path / "data", "--access-log", "route", "--log-format", form)
    with serving(*flags) as (_, address, said):
        ask(address)
        answer = httpx.get(f"{address}/v1/events/evt-001", trust_env=False, timeout=60)
        wait_for(lambda: answer.headers["x-request-id"] in "".join(said))
    assert not any(secret in "".join(said) for secret in SECRETS)
    if form is LogFormat.JSON:
        last = events(said, "request")[-1]
        assert set(last) == {
            *("time", "level", "event", "message", "pid"),
            *("request_id", "method", "route", "status", "duration_ms", "bytes"),
        }
        assert (last["method"], last["route"], last["status"]) == ("GET", "/v1/events/{id}", 200)
        assert last["bytes"] == int(answer.headers["content-length"])
        assert 0 < last["duration_ms"] < 60_000
        assert {line["route"] for line in events(said, "request")} == {
            *("/v1/testimonies", "/v1/events/{id}", "unknown", "/v1/events"),
        }
    else:
        assert re.search(r"INFO request_id=[0-9a-f]{16} method=GET route=/v1/events/\{id\} status=200 ", said[-1])


def test_an_operator_may_ask_for_all_of_it(tmp_path: Path) -> None:
    flags = ("--data", tmp_path / "data", "--access-log", "full", "--log-format", "json")
    with serving(*flags) as (_, address, said):
        ask(address)
        wait_for(lambda: len(events(said, "request")) == 6)
    first, second, *_ = events(said, "request")
    assert (first["path"], first["query"], first["client"]) == ("/v1/testimonies", "q=marker-query", "127.0.0.2")
    assert second["path"] == "/v1/events/marker-path"


@pytest.mark.parametrize("raw", [b"/v1\x1b[31m", b"/\xe2\x80\xae", b"\xc2\x9b", b"a\r\nb", b"\x00"])
def test_a_line_cannot_steer_a_terminal(raw: bytes) -> None:
    shown = _visible(raw)
    assert shown.isascii()
    assert shown.isprintable()
    assert _visible(b"/v1/events?q=%C3%A9") == "/v1/events?q=%C3%A9"


def test_a_failure_is_one_event_with_its_request_and_no_more(
    seed_data: Path, serve: Serve, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError(SECRETS[0])

    client = serve(seed_data)
    monkeypatch.setattr("service.catalogue.browsing.Catalogue.look_up", fail)
    answer = client.get("/v1/events?act=marker-query")
    [failed] = [each for each in caplog.records if each.__dict__.get("event") == "request_failed"]
    line = json.loads(JsonLines().format(failed))
    assert (line["request_id"], line["error"], line["status"]) == (answer.json()["request_id"], "RuntimeError", 500)
    assert "in answer_list" in line["traceback"]
    shown = Lines().format(failed)
    assert line["request_id"] in shown.splitlines()[0]
    assert "in answer_list" in shown
    assert "marker" not in shown + json.dumps(line)


def test_answers_503_are_told_now_and_again(
    tmp_path: Path, serve: Serve, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    unavailable = problems._Unavailable()
    monkeypatch.setattr(problems, "_unavailable", unavailable)
    client = serve(tmp_path / "none")
    first = client.get("/v1").json()["request_id"]
    for _ in range(20):
        client.get("/v1/events")
    unavailable._next[NotReady.slug] = 0.0
    client.get("/v1")
    told = [each.__dict__["members"] for each in caplog.records if each.__dict__.get("event") == "unavailable"]
    assert [each["before"] for each in told] == [0, 20]
    assert (told[0]["request_id"], told[0]["problem"], told[0]["status"]) == (first, "not-ready", 503)


def test_lines_of_libraries_are_json_too() -> None:
    try:
        raise ValueError("no")
    except ValueError:
        record_of = logging.LogRecord("uvicorn", logging.ERROR, "", 0, "It %s\nfailed", ("has",), sys.exc_info())
    line = json.loads(JsonLines().format(record_of))
    assert (line["event"], line["message"], line["level"]) == ("log", "It has\nfailed", "error")
    assert line["traceback"].endswith("ValueError: no")


def test_an_event_without_a_traceback_is_one_line(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "testimony_archive"):
        log_event(logging.INFO, "started", "100 %s sure", number=1)
    [event] = caplog.records
    assert Lines().format(event).endswith(" INFO 100 %s sure")
    assert json.loads(JsonLines().format(event))["number"] == 1


@pytest.mark.parametrize(("error", "told"), [(AnswerCutShort("OSError"), False), (OSError("disk"), True)])
def test_what_the_server_says_of_an_answer_cut_short_is_left_out(error: Exception, told: bool) -> None:
    record = logging.LogRecord("uvicorn.error", logging.ERROR, "", 0, "failed", (), (type(error), error, None))
    config = logging_config(LogFormat.LINE)
    names = config["handlers"]["stderr"]["filters"]
    assert all(config["filters"][name]["()"]().filter(record) for name in names) == told


def test_both_forms_can_be_configured() -> None:
    for form in LogFormat:
        [formatter] = logging_config(form)["formatters"].values()
        assert issubclass(formatter["()"], logging.Formatter)


def test_every_event_is_documented() -> None:
    root = Path(__file__).parent.parent.parent
    guide = (root / "docs" / "operate.md").read_text(encoding="utf-8")
    source = "".join(path.read_text(encoding="utf-8") for path in (root / "service").rglob("*.py"))
    named = set(re.findall(r"log_event\(\s*logging\.[A-Z]+,\s*\"([a-z_]+)\"", source))
    named |= set(re.findall(r"tell\((?:settings, )?\"([a-z_]+)\"", source))
    named |= set(
        re.findall(r"\"(release_(?!served)[a-z]+)\"", (root / "service/http/releases.py").read_text(encoding="utf-8"))
    )
    assert len(named) >= 10
    assert [name for name in sorted(named) if f"`{name}`" not in guide] == []
