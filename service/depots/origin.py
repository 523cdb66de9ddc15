"""Asks the archive that is mirrored: one request at a time, each bounded in bytes and in time. Follows no redirect, and
believes nothing: what answers mean is judged by whoever asked.
"""

import contextlib
import hashlib
import http.client
import shutil
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson

from service import __version__
from service.errors import OriginRefused, OriginUnreachable, SettingsInvalid

#: Seconds that the origin may stay silent, and that a whole answer may take: a small one, and the public archive or a file.
SILENCE_S, SMALL_S, LARGE_S = 20.0, 60.0, 3600.0
#: Longest answer that is read into memory, in bytes: 100,000 statements are 60 MB.
LONGEST = 64 << 20
_PART = 1 << 20
_LONGEST_ADDRESS = 1000


class Origin:
    """The archive at an address. Every method raises OriginUnreachable, or OriginRefused where an answer cannot be one."""

    def __init__(self, address: str) -> None:
        """Raises SettingsInvalid where the address is none that can be asked."""
        parts = urlsplit(address)
        try:
            port = parts.port
        except ValueError:
            port = -1
        sound = parts.scheme in ("http", "https") and parts.hostname and port != -1 and len(address) < _LONGEST_ADDRESS
        if not sound or not address.isascii() or parts.query or parts.fragment or parts.username:
            raise SettingsInvalid(
                f"{address.rpartition('@')[2]!r} is no address of an archive, such as https://archive.example.org"
            )
        self._parts = parts
        self._path = parts.path.rstrip("/").removesuffix("/v1")
        #: As it is shown: without a slash at the end.
        self.address = f"{parts.scheme}://{parts.netloc}{self._path}"
        self._connection: http.client.HTTPConnection | None = None

    def find(self, path: str, *, etag: str | None = None, release: str | None = None) -> tuple[Any, str | None] | None:
        """Return the JSON that a path answers with, and its ETag; None where it is still the one that `etag` names."""
        with self._get(path, etag=etag, release=release, seconds=SMALL_S) as answer:
            if answer.status == http.client.NOT_MODIFIED:
                return None
            body = _all(answer, self.address + path)
            try:
                return orjson.loads(body), answer.headers["ETag"]
            except orjson.JSONDecodeError:
                raise OriginRefused(f"{self.address}{path} does not answer with JSON") from None

    def read(self, path: str, *, release: str) -> bytes:
        """Return the bytes that a path answers with."""
        with self._get(path, release=release, seconds=SMALL_S) as answer:
            return _all(answer, self.address + path)

    def save(self, path: str, target: Path, *, release: str | None, sha256: str) -> int:
        """Save the bytes that a path answers with, which must have this SHA-256. Returns how many there were."""
        address = self.address + path
        with self._get(path, release=release, seconds=LARGE_S) as answer, target.open("wb") as file:
            length = int(answer.headers["Content-Length"] or -1)
            if length < 0:
                raise OriginRefused(f"{address} does not say how long its answer is")
            if length > shutil.disk_usage(target.parent).free:
                raise OriginRefused(f"{address} has {length} bytes, for which there is no room in {target.parent}")
            digest = hashlib.sha256()
            while part := answer.read(_PART):
                digest.update(part)
                file.write(part)
        if target.stat().st_size != length:
            raise OriginUnreachable(f"{address} ended after {target.stat().st_size} of {length} bytes")
        if digest.hexdigest() != sha256:
            raise OriginRefused(f"{address} answers with other bytes than the release's id says")
        return length

    @contextlib.contextmanager
    def _get(
        self, path: str, *, seconds: float, etag: str | None = None, release: str | None = None
    ) -> Iterator[http.client.HTTPResponse]:
        """Yield the answer to a request, which must end within some seconds, and come from `release` where that is given."""
        address = self.address + path
        headers = {"User-Agent": f"testimony-archive/{__version__} (mirror)", "Accept-Encoding": "identity"}
        if etag is not None:
            headers["If-None-Match"] = etag
        connection = self._connect()
        late = threading.Timer(seconds, _cut, [connection])
        late.daemon = True
        late.start()
        try:
            connection.request("GET", self._path + path, headers=headers)
            with contextlib.closing(connection.getresponse()) as answer:
                _require_answer(answer, address, release=release, conditional=etag is not None)
                yield answer
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise OriginUnreachable(f"{address} cannot be read ({_reason(error)})") from None
        finally:
            late.cancel()
            connection.close()

    def _connect(self) -> http.client.HTTPConnection:
        host, port = self._parts.hostname or "", self._parts.port
        if self._parts.scheme == "https":
            return http.client.HTTPSConnection(host, port, timeout=SILENCE_S, context=ssl.create_default_context())
        return http.client.HTTPConnection(host, port, timeout=SILENCE_S)


def _require_answer(answer: http.client.HTTPResponse, address: str, *, release: str | None, conditional: bool) -> None:
    """Make sure that an answer is one that can be used. Raises OriginUnreachable, OriginRefused."""
    status = answer.status
    if 300 <= status < 400 and not (conditional and status == http.client.NOT_MODIFIED):
        raise OriginRefused(f"{address} leads elsewhere, which is not followed; give the address that it leads to")
    if status in (http.client.GONE, http.client.UNPROCESSABLE_ENTITY, http.client.NOT_FOUND):
        raise NotThere(f"{address} answers {status}")
    if status not in (http.client.OK, http.client.NOT_MODIFIED):
        raise OriginUnreachable(f"{address} answers {status}")
    named = answer.headers["Archive-Release"]
    if release is not None and status == http.client.OK and named is not None and named != release:
        raise OriginUnreachable(f"{address} has moved on to another release meanwhile")


class NotThere(OriginUnreachable):
    """An address that the origin does not have, or a cursor that it does not take any more."""


def _cut(connection: http.client.HTTPConnection) -> None:
    """End a connection that takes too long: whoever reads from it is told at once."""
    sock = connection.sock
    if sock is not None:
        with contextlib.suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)


def _all(answer: http.client.HTTPResponse, address: str) -> bytes:
    data = answer.read(LONGEST + 1)
    if len(data) > LONGEST:
        raise OriginRefused(f"{address} has no end in sight")
    return data


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "it did not answer in time"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return type(error).__name__
