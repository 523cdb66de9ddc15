"""Servers that cheat: other bytes, a stream without end, a redirect elsewhere. Each is refused, and said."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from service.depots.copies import open_copy
from service.depots.verification import Known, verify_copy
from service.errors import CopyUnreadable
from tests.archives import archive, record
from tests.conftest import PublishTo
from tests.web_server import answering

Answer = tuple[int, dict[str, str], bytes]


@contextmanager
def cheating(answers: Callable[[str], Answer]) -> Iterator[str]:
    """Run a server whose answers are what a function makes of the path; yield its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, headers, body = answers(self.path)
            self.send_response(status)
            for name, value in ({"Content-Length": str(len(body))} | headers).items():
                if value:
                    self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Keep the output of the tests clean."""

    with answering(Handler) as address:
        yield address


@pytest.fixture
def release(tmp_path: Path, publish_to: PublishTo) -> Path:
    return publish_to(tmp_path / "data", archive(record("tes-1"))).folder


def honest(release: Path, path: str) -> Answer:
    """Answer as the server of a release does, as far as it is asked here."""
    statement = (release / "statement.json").read_bytes()
    body = {
        "/v1": b'{"release": {"id": "sha256:%064d"}}' % 1,
        "/v1/archive": (release / "archive.jsonl").read_bytes(),
        "/v1/releases?format=ndjson": statement,
        "/v1/releases?limit=200": b'{"data": [{"number": 1, "signature": null}], "links": {"next": null}}',
    }[path]
    return 200, {}, body


def test_other_bytes_are_not_the_release(release: Path) -> None:
    def answer(path: str) -> Answer:
        status, headers, body = honest(release, path)
        return status, headers, body.replace(b"What was said", b"What was sold") if path == "/v1/archive" else body

    with cheating(answer) as address, open_copy(address) as copy:
        verification = verify_copy(copy, Known(), now=datetime.now(UTC))
    assert [check.name for check in verification.checks if check.outcome == "failed"] == ["id"]


@pytest.mark.parametrize(
    ("path", "headers", "message"),
    [
        ("/v1/archive", {"Content-Length": ""}, "does not say how long"),
        ("/v1/archive", {"Content-Length": str(1 << 60)}, "no room"),
        ("/v1/archive", {"Content-Length": "100000"}, "cannot be read|ended after"),
        ("/v1/archive", {"Content-Length": "many"}, "cannot be read|does not say how long"),
        ("/v1/archive", {"Archive-Release": "sha256:2"}, "moved on to another release"),
        ("/v1/releases?format=ndjson", {"Archive-Release": "sha256:2"}, "moved on to another release"),
    ],
)
def test_lengths_that_lie_are_refused(release: Path, path: str, headers: dict[str, str], message: str) -> None:
    def answer(asked: str) -> Answer:
        status, _, body = honest(release, asked)
        return status, headers if asked == path else {}, body

    with cheating(answer) as address, pytest.raises(CopyUnreadable, match=message), open_copy(address):
        pass


def test_a_redirect_is_not_followed(release: Path) -> None:
    with cheating(lambda path: honest(release, path)) as elsewhere:

        def answer(path: str) -> Answer:
            return 302, {"Location": elsewhere + path}, b""

        with (
            cheating(answer) as address,
            pytest.raises(CopyUnreadable, match=f"leads to {elsewhere}"),
            open_copy(address),
        ):
            pass


@pytest.mark.parametrize(
    ("path", "body", "message"),
    [
        ("/v1", b"<html>", "does not answer with JSON"),
        ("/v1", b"[]", "no archive of this kind"),
        ("/v1/releases?limit=200", b'{"data": 1}', "no list of releases"),
        ("/v1/releases?limit=200", b'{"data": [{"number": "x", "signature": ""}], "links": {}}', "no list of releases"),
    ],
)
def test_what_is_no_archive_is_refused(release: Path, path: str, body: bytes, message: str) -> None:
    def answer(asked: str) -> Answer:
        return (200, {}, body) if asked == path else honest(release, asked)

    with cheating(answer) as address, pytest.raises(CopyUnreadable, match=message), open_copy(address):
        pass


def test_a_list_without_end_is_left(release: Path) -> None:
    asked: list[str] = []

    def answer(path: str) -> Answer:
        asked.append(path)
        if path.startswith("/v1/releases?limit"):
            body = b'{"data": [{"number": 1, "signature": null}], "links": {"next": "/v1/releases?limit=200"}}'
            return 200, {}, body
        return honest(release, path)

    with cheating(answer) as address, open_copy(address):
        pass
    assert len(asked) == 5
