"""A copy of a release, wherever it lies: at an address, in a file, in a data folder, a release's folder or a bag.

Opening one collects what is to be verified and judges nothing but whether it can be read.
"""

import http.client
import shutil
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from service import __version__
from service.depots.bags import PAYLOAD, is_bag, open_bag
from service.errors import BagInvalid, CopyUnreadable, ReleaseDamaged
from service.release.data_folder import current_folder
from service.release.manifest import CANONICAL, MANIFEST, read_manifest, verify_files
from service.release.statements import SIGNATURE, SIGNATURES, STATEMENT, STATEMENTS, read_signatures

#: Seconds that a server may stay silent.
PATIENCE_S = 60
#: Longest answer that is read into memory, in bytes: 100,000 statements are 60 MB.
_LONGEST = 64 << 20
_PART = 1 << 20
#: Releases on a page of the list that signatures are read from.
_PAGE = 200


@dataclass(frozen=True, slots=True)
class Copy:
    """What is to be verified. `statements` and `signatures` are empty where the copy has none beside it."""

    #: The public archive in canonical form, or what is said to be.
    canonical: Path
    #: Statements as they lie there, a line each, the oldest first.
    statements: list[bytes] = field(default_factory=list)
    #: Signatures by the number of the release.
    signatures: dict[int, str] = field(default_factory=dict)
    #: The release id that the place itself names, if it does.
    named: str | None = None
    #: What is wrong with other files of the copy; None where there are none to compare, "" where all are as packed.
    damage: str | None = None


@contextmanager
def open_copy(target: str) -> Iterator[Copy]:
    """Yield the copy at an address or a path. Raises CopyUnreadable, which says what cannot be read."""
    if target.startswith(("http://", "https://")):
        with tempfile.TemporaryDirectory(prefix="testimony-archive-") as folder:
            yield _download(target, Path(folder))
        return
    path = Path(target)
    if path.is_file():
        yield Copy(path, *_stated_beside(path))
    elif is_bag(path):
        yield _copy_in_bag(path)
    elif path.is_dir():
        yield _copy_in_release(path)
    else:
        raise CopyUnreadable(f"{target} is no address, file or folder")


def _stated_beside(canonical: Path) -> tuple[list[bytes], dict[int, str]]:
    """Return the statements and signatures that lie beside a file of the public archive, if any do."""
    folder = canonical.parent
    try:
        chain, single = folder / STATEMENTS, folder / STATEMENT
        lines = (chain if chain.is_file() else single).read_bytes().splitlines(keepends=True)
        signatures = read_signatures((folder / SIGNATURES).read_bytes()) if (folder / SIGNATURES).is_file() else {}
        number = _number_of(lines[-1]) if lines else None
        if number is not None and (folder / SIGNATURE).is_file():
            signatures[number] = (folder / SIGNATURE).read_text(encoding="utf-8")
    except FileNotFoundError:
        return [], {}
    except (OSError, ValueError) as error:
        raise CopyUnreadable(f"the statements beside {canonical} cannot be read ({error})") from None
    return lines, signatures


def _number_of(line: bytes) -> int | None:
    try:
        stated = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    number = stated.get("number") if isinstance(stated, dict) else None
    return number if isinstance(number, int) else None


def _copy_in_bag(path: Path) -> Copy:
    try:
        canonical, damage = open_bag(path), ""
    except BagInvalid as error:
        canonical, damage = path / PAYLOAD / CANONICAL, str(error)
    if not canonical.is_file():
        raise CopyUnreadable(f"{path} is a bag that holds no {CANONICAL}")
    return Copy(canonical, *_stated_beside(canonical), damage=damage)


def _copy_in_release(path: Path) -> Copy:
    """Return the copy in the folder of a release, or the one being served from a data folder."""
    try:
        folder = path if (path / MANIFEST).is_file() else current_folder(path)
        if folder is None:
            raise CopyUnreadable(f"{path} is no data folder, no release and no bag")
        manifest = read_manifest(folder)
    except ReleaseDamaged as error:
        raise CopyUnreadable(str(error)) from None
    damage = ""
    try:
        verify_files(folder, manifest)
    except ReleaseDamaged as error:
        damage = str(error)
    return Copy(folder / CANONICAL, *_stated_beside(folder / CANONICAL), named=manifest.id, damage=damage)


# --- At an address ----------------------------------------------------------------------------------------------------


def _download(address: str, folder: Path) -> Copy:
    """Fetch the public archive, the statements and the signatures of the release that a server answers from."""
    base = address.rstrip("/").removesuffix("/v1")
    entrance = _json(f"{base}/v1")
    try:
        named = str(entrance["release"]["id"])
    except (KeyError, TypeError):
        raise CopyUnreadable(f"{base}/v1 is no archive of this kind") from None
    canonical = folder / CANONICAL
    _save(f"{base}/v1/archive", canonical, release=named)
    with _get(f"{base}/v1/releases?format=ndjson", release=named) as answer:
        statements = _all(answer).splitlines(keepends=True)
    return Copy(canonical, statements, _signatures(base, named), named)


def _signatures(base: str, release: str) -> dict[int, str]:
    """Return the signatures of all statements, from the pages of the list of releases."""
    signatures: dict[int, str] = {}
    address, lowest = f"{base}/v1/releases?limit={_PAGE}", sys.maxsize
    while True:
        page = _json(address, release=release)
        try:
            listed = {int(each["number"]): each["signature"] for each in page["data"]}
            following = page["links"]["next"]
        except (KeyError, TypeError, ValueError):
            raise CopyUnreadable(f"{address} is no list of releases") from None
        signatures |= {number: text for number, text in listed.items() if isinstance(text, str)}
        # The list goes down to the first release, so that it has an end whatever a server answers.
        if not isinstance(following, str) or not listed or min(listed) >= lowest:
            return signatures
        lowest = min(listed)
        # The server that was named, whatever host its links name.
        address = f"{base}/v1/releases?{following.partition('?')[2]}"


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """What is verified is what was asked for: a server does not choose another."""

    def redirect_request(self, *_: Any) -> None:  # noqa: ANN401 - as the library declares it
        return None


_OPENER = urllib.request.build_opener(_NoRedirects)


@contextmanager
def _get(address: str, *, release: str | None = None) -> Iterator[http.client.HTTPResponse]:
    """Yield the answer to a request. Raises CopyUnreadable, also where it is from another release than `release`."""
    request = urllib.request.Request(address, headers={"User-Agent": f"testimony-archive/{__version__}"})  # noqa: S310 - http and https only
    try:
        with _OPENER.open(request, timeout=PATIENCE_S) as answer:
            if release is not None and answer.headers["Archive-Release"] not in (None, release):
                raise CopyUnreadable(f"{address} moved on to another release meanwhile; verify it again")
            yield answer
    except urllib.error.HTTPError as error:
        place = error.headers.get("Location")
        hint = f" and leads to {place}; give that address if you trust it" if place else ""
        raise CopyUnreadable(f"{address} answers {error.code}{hint}") from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        raise CopyUnreadable(f"{address} cannot be read ({reason})") from None


def _json(address: str, *, release: str | None = None) -> Any:  # noqa: ANN401 - JSON of a stranger
    with _get(address, release=release) as answer:
        try:
            return orjson.loads(_all(answer))
        except orjson.JSONDecodeError:
            raise CopyUnreadable(f"{address} does not answer with JSON") from None


def _all(answer: BinaryIO | http.client.HTTPResponse) -> bytes:
    data = answer.read(_LONGEST + 1)
    if len(data) > _LONGEST:
        raise CopyUnreadable("an answer has no end in sight")
    return data


def _save(address: str, path: Path, *, release: str) -> None:
    """Save an answer whose length is told beforehand and fits the disk: one without end would fill it."""
    with _get(address, release=release) as answer, path.open("wb") as file:
        length = int(answer.headers["Content-Length"] or -1)
        if length < 0:
            raise CopyUnreadable(f"{address} does not say how long it is")
        if length > shutil.disk_usage(path.parent).free:
            raise CopyUnreadable(f"{address} has {length} bytes, for which there is no room in {path.parent}")
        while part := answer.read(min(_PART, length - file.tell() + 1)):
            file.write(part)
            if file.tell() > length:
                raise CopyUnreadable(f"{address} goes on beyond the length that it named")
        if file.tell() < length:
            raise CopyUnreadable(f"{address} ended after {file.tell()} of {length} bytes")
