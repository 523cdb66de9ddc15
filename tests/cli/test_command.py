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
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from service import __version__
from service.archive.model import archive_schema
from service.settings import read_settings
from tests.archives import archive, record, write
from tests.commands import Command
from tests.conftest import PLAIN, SEED, PublishTo
from tests.missing import needs

# --- Usage ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [[], ["serve"], ["publish"], ["check"], ["export"], ["releases"], ["releases", "list"], ["releases", "rollback"],
     ["releases", "prune"], ["schema"], ["withdraw"], ["due"]],
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
        (["serve", "--log-format", "xml"], "--log-format"),
        (["serve", "--access-log", "some"], "--access-log"),
        (["publish"], "ARCHIVE"),
        (["publish", "a.json", "--keep", "0"], "--keep"),
        (["check", "a.json", "--source", "src-001"], "ID=FILE"),
        (["check", "a.json", "--source", "src-001=none.txt"], "none.txt"),
        (["check", "a.json", "--source", f"src-1={SEED}", "--source", f"src-1={SEED}"], "src-1"),
        (["serve", "--host", ""], "--host"),
        (["export", "--format", "xml"], "--format"),
        (["releases", "rollback", "x"], "number"),
        (["releases", "prune", "--erase", "--keep", "1"], "--erase"),
        (["withdraw", "a.json"], "ID"),
        (["due", "a.json", "--by", "soon"], "--by"),
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


def test_settings_survive_the_way_through_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    settings = read_settings(
        archive=Path("a.json"), data=Path("there"), host="::1", port=0, workers=2, root_path="/x", keep=7,
        trusted_proxies="10.0.0.0/8, ::1", metrics=True, log_format="json", access_log="full",
    )  # fmt: skip
    for each in (settings, read_settings(data=Path("there"))):
        environment = each.as_environment()
        with monkeypatch.context() as elsewhere:
            elsewhere.chdir(tmp_path)
            for name, value in environment.items():
                elsewhere.setenv(name, value)
            assert read_settings().as_environment() == environment


# --- check and publish --------------------------------------------------------------------------------------------


def test_an_archive_without_errors_is_said_to_have_none(command: Any) -> None:
    ran = command("check", SEED)
    assert ran.code == 0
    assert "no errors in 76 records" in ran.out
    assert all(line.startswith("note: ") for line in ran.err.splitlines())


def test_notes_are_told_apart_and_the_code_is_0(command: Any, tmp_path: Path) -> None:
    ran = command("check", write(tmp_path / "a.json", archive(contact="Write to us.")))
    assert ran.code == 0
    [note, last] = ran.out.splitlines()
    assert note.split("\t")[:2] == ["contact_without_address (note)", "/archive/contact"]
    assert "no errors" in last
    assert "1 note" in ran.err


def test_masked_passages_are_counted(command: Any, tmp_path: Path) -> None:
    cited = [{"source": "src-1", "page": number, "masked": True} for number in (1, 2)]
    path = write(tmp_path / "a.json", archive(record("tes-1", citations=cited)))
    assert "2 passages masked" in command("check", path).out
    assert json.loads(command("check", path, "--json").out)["masked"] == 2
    hidden = archive(record("tes-1", citations=cited, access={"visibility": "restricted"}))
    assert "editor" not in command("check", write(path, hidden)).out


def test_every_error_is_a_line_and_the_code_is_1(command: Any, tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", archive(record("tes-1", witness="agt-9"), record("tes-2", language="english")))
    ran = command("check", path)
    assert ran.code == 1
    codes = {line.split("\t")[0] for line in ran.out.splitlines() if "(note)" not in line}
    assert codes == {"dangling_reference", "invalid_language"}
    assert "2 errors" in ran.err


def test_errors_as_json(command: Any, tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", archive(record("tes-1", witness="agt-9")))
    shown = json.loads(command("check", path, "--json").out)
    assert set(shown) == {"ok", "findings", "more", "more_notes", "counts", "masked"}
    assert shown["ok"] is False
    keys = {"code", "severity", "pointer", "detail", "record", "title", "table"}
    assert all(set(each) == keys for each in shown["findings"])
    assert {each["record"] for each in shown["findings"]} == {"tes-1"}
    assert [each["code"] for each in shown["findings"] if each["severity"] == "error"] == ["dangling_reference"]
    assert json.loads(command("check", SEED, "--json").out)["ok"] is True


def test_what_a_file_says_cannot_steer_the_terminal(command: Any, tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", archive(record("tes-1", **{"\x1b[31m\nкрасный\u202e": 1})))
    [line] = [line for line in command("check", path).out.splitlines() if "(note)" not in line]
    assert line.split("\t")[:2] == ["unknown_field", "/testimonies/0/\\x1b[31m\\nкрасный\\u202e"]


def test_a_check_against_a_folder_that_is_not_there_is_refused(command: Any, tmp_path: Path) -> None:
    ran = command("check", SEED, "--data", tmp_path / "none")
    assert (ran.code, ran.out) == (1, "")
    assert "holds no release" in ran.err
    assert command("check", SEED, "--data", tmp_path).code == 0


def test_a_check_against_a_release_finds_what_is_gone(command: Any, tmp_path: Path, publish_to: PublishTo) -> None:
    publish_to(tmp_path / "data", archive(record("tes-1"), record("tes-2")))
    path = write(tmp_path / "a.json", archive(record("tes-1")))
    assert command("check", path).code == 0
    assert command("check", path, "--data", tmp_path / "data").out.startswith("unannounced_removal\t")


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
    assert (shown["ok"], shown["changed"], shown["number"]) == (True, False, 1)


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
    for way in ([], ["-"], ["--format", "jsonl"]):
        assert command("export", *way, "--data", "one").out == (tmp_path / "out.jsonl").read_text()
    assert command("export", "-", "--format", "json", "--data", "one").out == (tmp_path / "out.json").read_text()
    assert release in command("export", "--data", "one").err
    assert set(json.loads((tmp_path / "out.json").read_text())) >= {"format", "archive", "testimonies", "withdrawn"}


def test_an_export_writes_over_nothing_unasked(command: Any, tmp_path: Path) -> None:
    command("publish", SEED)
    (tmp_path / "out.json").write_text("mine")
    assert command("export", "out.json").code == 1
    assert (tmp_path / "out.json").read_text() == "mine"
    assert command("export", "out.json", "--force").code == 0
    assert command("export", "out.txt").code == 2
    assert command("export", "no/folder/out.json").code == 1
    assert command("export", "data", "--format", "json", "--force").code == 1
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

#: A command that runs, begun by Python or forked from one that has begun.
Process = subprocess.Popen[str] | Command
#: The command as it is begun.
REAL = ("-m", "service")


@contextmanager
def serving(
    *arguments: object, program: Sequence[str] | None = None, **environment: str
) -> Iterator[tuple[Process, str, list[str]]]:
    """Run `serve` as a process, by this program of Python's or as what has begun already; yield it, the address it says it
    listens on, and all it says.
    """
    said: list[str] = []
    serve = ["serve", "--port", "0", *map(str, arguments)]
    env = {**os.environ, **environment}
    process: Process
    if program is None:
        process = Command(*serve, env=env)
    else:
        process = subprocess.Popen([sys.executable, *program, *serve], stderr=subprocess.PIPE, text=True, env=env)
    assert process.stderr is not None
    stream = process.stderr
    reader = threading.Thread(target=lambda: said.extend(stream), daemon=True)
    reader.start()
    try:
        deadline = time.monotonic() + 120  # two workers on a busy machine
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
    with serving("--data", tmp_path / "data", "--workers", workers, program=REAL) as (process, address, said):
        answer = httpx.get(f"{address}/v1/testimonies", trust_env=False, timeout=60)
        assert answer.json()["meta"]["total"] == 10
        assert "server" not in answer.headers
        assert httpx.get(f"{address}/docs", trust_env=False, timeout=60).status_code == 200
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
        assert httpx.get(f"{address}/v1/testimonies/tes-1", trust_env=False, timeout=60).json()["title"] == "After"


def wait_until(holds: Callable[[], bool]) -> None:
    """Wait for what a process that was started is to do, as long as a busy machine takes."""
    until = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.05)


def test_an_archive_that_is_watched_is_published_at_each_save(tmp_path: Path, publish_to: PublishTo) -> None:
    publish_to(tmp_path / "data", archive(record("tes-1", title="Before")))
    path = write(tmp_path / "a.json", archive(record("tes-1", title="After")))
    environment = {"TESTIMONY_ARCHIVE_DATA": str(tmp_path / "data")}
    with serving("--archive", path, "--watch", **environment) as (_, address, _said):

        def shows(text: str, page: str) -> bool:
            return text in httpx.get(f"{address}{page}", trust_env=False, timeout=60, verify=PLAIN).text

        wait_until(lambda: shows("After", "/v1/testimonies/tes-1"))
        wait_until(lambda: shows("published as it was saved", "/findings"))
        write(path, archive(record("tes-1", title="<script>alert(1)</script>", witness="agt-9")))
        wait_until(lambda: shows("saved and not published", "/findings"))
        page = httpx.get(f"{address}/findings", trust_env=False, timeout=60)
        assert "dangling_reference" in page.text
        assert "<script>" not in page.text
        assert "script-src 'self'" in page.headers["content-security-policy"]
        assert page.headers["cache-control"] == "no-store"
        assert shows("After", "/v1/testimonies/tes-1")
        write(path, archive(record("tes-1", title="Mended")))
        wait_until(lambda: shows("Mended", "/v1/testimonies/tes-1"))


def test_an_archive_is_watched_only_where_nobody_else_can_look(command: Any, tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", archive(record("tes-1")))
    ran = command("serve", "--archive", path, "--watch", "--host", "0.0.0.0")
    assert ran.code == 2
    assert "127.0.0.1" in ran.err
    assert command("serve", "--watch").code == 2


def test_serve_refuses_what_it_cannot_serve(command: Any, tmp_path: Path, publish_to: PublishTo) -> None:
    data = tmp_path / "data"
    bad = write(tmp_path / "bad.json", archive(record("tes-1", witness="agt-9")))
    ran = command("serve", "--archive", bad, "--port", 0)
    assert ran.code == 1
    assert ran.out.startswith("dangling_reference\t")
    folder = publish_to(data, archive(record("tes-1"))).folder
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ran = command("serve", "--port", taken.getsockname()[1])
    assert ran.code == 1
    assert re.fullmatch(r"error: cannot listen on 127.0.0.1:\d+ \(Address already in use\)\n", ran.err)
    database = folder / "archive.sqlite"
    database.chmod(0o644)
    database.write_bytes(database.read_bytes()[:-5])
    ran = command("serve", "--port", 0)
    assert ran.code == 1
    assert "bytes instead of" in ran.err
    assert "releases rollback" in ran.err


@pytest.mark.parametrize("workers", [1, 2])
def test_serve_begins_without_words_where_only_their_index_is_damaged(
    tmp_path: Path, publish_to: PublishTo, workers: int
) -> None:
    folder = publish_to(tmp_path / "data", archive(record("tes-1"))).folder
    cut = max((folder / "index").iterdir(), key=lambda path: path.stat().st_size)
    cut.chmod(0o644)
    os.truncate(cut, cut.stat().st_size - 1)
    with (
        serving("--data", tmp_path / "data", "--workers", workers) as (_, address, said),
        httpx.Client(base_url=address, trust_env=False, timeout=60) as client,
    ):
        assert client.get("/v1/testimonies").json()["meta"]["total"] == 1
        assert client.get("/v1/search?q=said").json()["type"].endswith("/problems/release-damaged")
        assert cut.name in client.get("/readyz").json()["trouble"]
    assert "bytes instead of" in "".join(said)


def test_workers_take_the_flags_before_the_environment(tmp_path: Path) -> None:
    flags = ("--data", tmp_path / "data", "--workers", 2, "--root-path", "/shown")
    environment = {f"TESTIMONY_ARCHIVE_{name}": "-1" for name in ("WORKERS", "ROOT_PATH")}
    with serving(*flags, program=REAL, **environment) as (process, address, said):
        assert (
            httpx.get(f"{address}/v1", trust_env=False, timeout=60)
            .json()["links"]["self"]
            .startswith(f"{address}/shown/")
        )
        process.send_signal(signal.SIGTERM)
        assert process.wait(12) == 0
    assert "Traceback" not in "".join(said)


def test_workers_end_with_their_parent_when_that_is_killed(tmp_path: Path) -> None:
    with serving("--data", tmp_path / "data", "--workers", 2, program=REAL) as (process, address, _):
        assert httpx.get(f"{address}/readyz", trust_env=False, timeout=60).status_code == 200
        process.kill()
        deadline = time.monotonic() + 15
        while True:
            try:
                httpx.get(f"{address}/readyz", trust_env=False, timeout=5)
            except httpx.TransportError:
                break
            assert time.monotonic() < deadline, "somebody still answers"
            time.sleep(0.05)


@needs(Path("/proc/self/task").exists(), "that a worker is starting is read from /proc")
def test_interrupting_workers_while_they_start_leaves_no_traceback(tmp_path: Path, publish_to: PublishTo) -> None:
    data = tmp_path / "data"
    publish_to(data, archive(record("tes-1")))
    command = [sys.executable, "-m", "service", "serve", "--port", "0", "--workers", "2", "--data", str(data)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    deadline = time.monotonic() + 60
    while len(children.read_text().split()) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    # As Ctrl+C does it: to every process of the group.
    os.killpg(process.pid, signal.SIGINT)
    try:
        _, said = process.communicate(timeout=20)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 0
    assert "Traceback" not in said


def test_a_server_that_is_still_publishing_can_be_stopped(tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", archive(*(record(f"tes-{n}") for n in range(5000))))
    data = tmp_path / "data"
    process = subprocess.Popen(
        [sys.executable, "-m", "service", "serve", "--port", "0", "--archive", str(path), "--data", str(data)],
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 60
    while not list(data.glob("releases/.staging-*/*")):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=20)
    assert (process.returncode, said) == (0, "")
    assert list((data / "releases").iterdir()) == []
