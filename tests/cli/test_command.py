"""The command as its users meet it: what it prints, where, and the code it exits with."""

import hashlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from service import __version__, cli
from service.archive.model import archive_schema
from tests.archives import archive, record, write
from tests.conftest import SEED, PublishTo


class Ran:
    """How a run of the command ended."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err


@pytest.fixture
def command(capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Run the command in this process, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("TESTIMONY_ARCHIVE_")]:
        monkeypatch.delenv(name)

    def run(*arguments: object) -> Ran:
        try:
            code = cli.run([str(argument) for argument in arguments])
        except SystemExit as left:
            code = int(left.code or 0)
        captured = capfdbinary.readouterr()
        ran = Ran(code, captured.out.decode(), captured.err.decode())
        assert "Traceback" not in ran.err
        return ran

    return run


# --- Usage ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [[], ["serve"], ["publish"], ["check"], ["export"], ["releases"], ["releases", "list"], ["releases", "rollback"],
     ["releases", "prune"], ["schema"]],
)  # fmt: skip
def test_help_is_there_with_an_example(command: Any, arguments: list[str]) -> None:
    ran = command(*arguments, "--help")
    assert ran.code == 0
    assert arguments in ([], ["releases"]) or "Example: testimony-archive" in ran.out


def test_the_version_is_printed(command: Any) -> None:
    assert (command("--version").out, command("--version").code) == (f"{__version__}\n", 0)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["serv"], "serv"),
        (["serve", "--port", "x"], "--port"),
        (["serve", "--port", "70000"], "--port"),
        (["serve", "--prot", "1"], "--prot"),
        (["serve", "--workers", "0"], "--workers"),
        (["serve", "--root-path", "x/"], "--root-path"),
        (["serve", "--trusted-proxies", "somewhere"], "--trusted-proxies"),
        (["publish"], "ARCHIVE"),
        (["publish", "a.json", "--keep", "0"], "--keep"),
        (["check", "a.json", "--source", "src-001"], "ID=FILE"),
        (["releases", "rollback", "x"], "number"),
    ],
)
def test_wrong_usage_is_named_on_one_line_with_code_2(command: Any, arguments: list[str], named: str) -> None:
    ran = command(*arguments)
    assert (ran.code, ran.out) == (2, "")
    assert re.fullmatch(r"error: [^\n]*\n", ran.err)
    assert named in ran.err


def test_a_bad_setting_from_the_environment_is_named(command: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TESTIMONY_ARCHIVE_PORT", "many")
    ran = command("serve")
    assert ran.code == 2
    assert "TESTIMONY_ARCHIVE_PORT" in ran.err


# --- check and publish --------------------------------------------------------------------------------------------


def test_an_archive_without_errors_is_said_to_have_none(command: Any) -> None:
    ran = command("check", SEED)
    assert (ran.code, ran.err) == (0, "")
    assert "no errors in 75 records" in ran.out


def test_every_error_is_a_line_and_the_code_is_1(command: Any, tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", archive(record("tes-1", witness="agt-9"), record("tes-2", language="english")))
    ran = command("check", path)
    assert ran.code == 1
    assert {line.split("\t")[0] for line in ran.out.splitlines()} == {"dangling_reference", "invalid_language"}
    assert "2 errors" in ran.err


def test_errors_as_json(command: Any, tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", archive(record("tes-1", witness="agt-9")))
    shown = json.loads(command("check", path, "--json").out)
    assert set(shown) == {"ok", "findings", "more", "counts"}
    assert shown["ok"] is False
    assert [set(each) for each in shown["findings"]] == [{"code", "pointer", "detail"}]
    assert json.loads(command("check", SEED, "--json").out)["ok"] is True


def test_a_copy_of_a_source_is_checked_against(command: Any, tmp_path: Path) -> None:
    (tmp_path / "copy.txt").write_text("not the text that was cited")
    ran = command("check", SEED, "--source", f"src-001={tmp_path / 'copy.txt'}")
    assert ran.code == 1
    assert "source_hash_mismatch" in ran.out


@pytest.mark.parametrize("name", ["none.json", "folder.json", "note.txt"])
def test_a_file_that_cannot_be_read_is_named(command: Any, tmp_path: Path, name: str) -> None:
    (tmp_path / "folder.json").mkdir()
    (tmp_path / "note.txt").write_text("x")
    for verb in ("check", "publish"):
        ran = command(verb, tmp_path / name)
        assert ran.code == 1
        assert re.fullmatch(rf"error: [^\n]*{name}[^\n]*\n", ran.err)


def test_publishing_says_what_changed(command: Any, tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", archive(record("tes-1")))
    first = command("publish", path, "--data", tmp_path / "d")
    assert first.code == 0
    assert re.match(r"Published release 1, sha256:[0-9a-f]{64}: 3 records \(3 created, 0 updated", first.err)
    assert command("publish", path, "--data", tmp_path / "d").err.startswith("Unchanged: release 1")
    shown = json.loads(command("publish", path, "--data", tmp_path / "d", "--json").out)
    assert (shown["changed"], shown["number"]) == (False, 1)


def test_an_archive_with_errors_is_not_published(command: Any, tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", archive(record("tes-1", witness="agt-9")))
    assert command("publish", path).code == 1
    assert not (tmp_path / "data" / "current").is_symlink()
    assert "no releases" in command("releases", "list").out


# --- export ---------------------------------------------------------------------------------------------------------


def test_an_export_publishes_to_the_same_release(command: Any, tmp_path: Path) -> None:
    whole = archive(record("tes-1"), record("evt-1"), withdrawn=[{"id": "tes-2", "on": "2026-01-01"}])
    command("publish", write(tmp_path / "a.json", whole), "--data", "one")
    release = json.loads(command("releases", "list", "--data", "one", "--json").out)[0]["manifest"]["id"]
    for name in ("out.json", "out.jsonl"):
        assert command("export", name, "--data", "one").code == 0
        assert command("check", name).code == 0
        shown = json.loads(command("publish", name, "--data", f"from-{name}", "--json").out)
        assert shown["id"] == release
    assert "sha256:" + hashlib.sha256((tmp_path / "out.jsonl").read_bytes()).hexdigest() == release
    assert command("export", "--data", "one").out == (tmp_path / "out.jsonl").read_text()
    assert set(json.loads((tmp_path / "out.json").read_text())) >= {"format", "archive", "testimonies", "withdrawn"}


def test_an_export_writes_over_nothing_unasked(command: Any, tmp_path: Path) -> None:
    command("publish", SEED)
    (tmp_path / "out.json").write_text("mine")
    assert command("export", "out.json").code == 1
    assert (tmp_path / "out.json").read_text() == "mine"
    assert command("export", "out.json", "--force").code == 0
    assert command("export", "out.txt").code == 2
    assert command("export", "no/folder/out.json").code == 1
    assert {path.name for path in tmp_path.iterdir()} == {"data", "out.json"}


def test_an_export_of_nothing_says_so(command: Any) -> None:
    ran = command("export")
    assert (ran.code, ran.out) == (1, "")
    assert "holds no release" in ran.err


# --- releases and schema --------------------------------------------------------------------------------------------


def test_releases_are_listed_gone_back_to_and_pruned(command: Any, tmp_path: Path, publish_to: PublishTo) -> None:
    for n in range(4):
        publish_to(tmp_path / "data", archive(record("tes-1", title=f"{n}")))
    listed = command("releases", "list").out.splitlines()
    assert [line.split()[-2] for line in listed] == ["1", "1", "1"]
    assert [line[:1] for line in listed] == ["*", " ", " "]
    assert command("releases", "rollback").code == 0
    assert [each["current"] for each in json.loads(command("releases", "list", "--json").out)] == [False, True, False]
    assert command("releases", "rollback", "9").code == 1
    assert "Removed 2 releases" in command("releases", "prune", "--keep", "1").err
    assert len(json.loads(command("releases", "list", "--json").out)) == 1


def test_the_schema_that_ships_is_the_schema_of_the_models(command: Any) -> None:
    shipped = (SEED.parent / "archive.schema.json").read_text(encoding="utf-8")
    assert command("schema").out == shipped
    assert json.loads(shipped) == archive_schema()


# --- serve ----------------------------------------------------------------------------------------------------------


@contextmanager
def serving(*arguments: object, **environment: str) -> Iterator[tuple[subprocess.Popen[str], str, list[str]]]:
    """Run `serve` as a process; yield it, the address it says it listens on, and all it says."""
    said: list[str] = []
    process = subprocess.Popen(
        [sys.executable, "-m", "service", "serve", "--port", "0", *map(str, arguments)],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    )
    assert process.stderr is not None
    stream = process.stderr
    reader = threading.Thread(target=lambda: said.extend(stream), daemon=True)
    reader.start()
    try:
        deadline = time.monotonic() + 30
        while not (found := re.search(r"http://[0-9.]+:\d+", "".join(said))):
            assert process.poll() is None, said
            assert time.monotonic() < deadline, said
            time.sleep(0.02)
        yield process, found[0], said
    finally:
        process.kill()
        process.wait()
        reader.join(5)
        stream.close()


@pytest.mark.parametrize(("workers", "number"), [(1, signal.SIGTERM), (1, signal.SIGINT), (2, signal.SIGTERM)])
def test_serve_publishes_the_seed_answers_and_stops_cleanly(tmp_path: Path, workers: int, number: int) -> None:
    with serving("--data", tmp_path / "data", "--workers", workers) as (process, address, said):
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            try:
                answer = httpx.get(f"{address}/v1/testimonies", trust_env=False)
                break
            except httpx.TransportError:
                time.sleep(0.05)
        assert answer.json()["meta"]["total"] == 10
        assert "server" not in answer.headers
        assert httpx.get(f"{address}/docs", trust_env=False).status_code == 200
        process.send_signal(number)
        assert process.wait(12) == 0
    told = "".join(said)
    assert "Published release 1" in told
    assert "/docs" in told
    assert "testimonies" not in told


def test_a_request_under_way_is_finished_before_the_server_stops(tmp_path: Path, publish_to: PublishTo) -> None:
    long = "a " * 20_000
    publish_to(tmp_path / "data", archive(*(record(f"tes-{n}", summary=long) for n in range(200))))
    with serving("--data", tmp_path / "data") as (process, address, _):
        host, port = address.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), 5) as slow:
            # More than fits into the buffers of both ends: the server is still sending when it is told to stop.
            slow.sendall(b"GET /v1/testimonies?limit=200 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            time.sleep(0.3)
            process.send_signal(signal.SIGTERM)
            time.sleep(0.3)
            with slow.makefile("rb") as answer:
                head, _, body = answer.read().partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200")
        assert len(json.loads(body)["data"]) == 200
        assert process.wait(12) == 0


def test_serve_with_an_archive_publishes_it_when_it_changed(tmp_path: Path, publish_to: PublishTo) -> None:
    publish_to(tmp_path / "data", archive(record("tes-1", title="Before")))
    path = write(tmp_path / "a.json", archive(record("tes-1", title="After")))
    with serving("--archive", path, TESTIMONY_ARCHIVE_DATA=str(tmp_path / "data")) as (_, address, _said):
        assert httpx.get(f"{address}/v1/testimonies/tes-1", trust_env=False).json()["title"] == "After"


def test_serve_refuses_what_it_cannot_serve(command: Any, tmp_path: Path, publish_to: PublishTo) -> None:
    data = tmp_path / "data"
    bad = write(tmp_path / "bad.json", archive(record("tes-1", witness="agt-9")))
    assert command("serve", "--archive", bad).code == 1
    folder = publish_to(data, archive(record("tes-1"))).folder
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ran = command("serve", "--port", taken.getsockname()[1])
    assert ran.code == 1
    assert re.fullmatch(r"error: cannot listen on 127.0.0.1:\d+ [^\n]*\n", ran.err)
    database = folder / "archive.sqlite"
    database.chmod(0o644)
    database.write_bytes(database.read_bytes()[:-5])
    ran = command("serve")
    assert ran.code == 1
    assert "bytes instead of" in ran.err
    assert "releases rollback" in ran.err
