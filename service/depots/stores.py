"""Where a depot lies: S3, Google Cloud Storage, Azure, or a folder. Small reads and writes, and the one conditional write
that decides between publishers.

obstore speaks to the stores. Credentials come from the environment under the names that each vendor uses; nothing here
keeps them, and no message holds what a store answered, since that may repeat them.
"""

import contextlib
import fcntl
import hashlib
import os
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, cast
from urllib.parse import unquote, urlsplit

import obstore
from obstore.exceptions import (
    AlreadyExistsError,
    BaseError,
    NotSupportedError,
    PermissionDeniedError,
    PreconditionError,
    UnauthenticatedError,
)
from obstore.store import LocalStore, from_url

from service.errors import DepotConflict, DepotInvalid, DepotUnreachable, SettingsInvalid

if TYPE_CHECKING:
    from obstore import UpdateVersion
    from obstore.store import ObjectStore

#: How the address of a depot may begin, for the setting and its help.
SCHEMES = ("s3", "gs", "az", "file")
#: Seconds that a store may take to accept a connection, to answer a small request, and to stay silent in the middle of a file.
CONNECT_S, REQUEST_S, SILENCE_S = 5, 10, 20
#: Seconds that one file may take: 1.4 GB, which is what 200,000 testimonies have, at 400 kB a second.
FILE_S = 3600
#: How often a request that failed is tried again, and for how many seconds in all. Whoever waits is told sooner.
RETRIES, RETRY_S = 3, 15
#: Bytes that are read or sent at a time.
PART = 4 << 20
#: Longest object that is read into memory, in bytes: a manifest, or the file that names the current one.
LONGEST = 32 << 20

# What the stores' client says of a failure that an operator can do something about.
_REASONS = {
    "connection refused": "the connection was refused",
    "dns error": "its host is not known",
    "timed out": "it did not answer in time",
    "nosuchbucket": "there is no such bucket",
    "kind: connect": "no connection could be made",
    "kind: timeout": "it did not answer in time",
    "missing-region": "its region is not known: set AWS_REGION",
    "url scheme is not allowed": "plain http is allowed by AWS_ALLOW_HTTP=true alone",
}


@dataclass(frozen=True, slots=True)
class Found:
    """An object that was read: its bytes, and what a conditional write names it by."""

    data: bytes
    version: "UpdateVersion"


class Store:
    """A store, below the prefix that its address names. Keys are relative to it. Threads may share it.

    Every method raises DepotUnreachable where the store cannot be reached or refuses.
    """

    def __init__(self, address: str) -> None:
        #: The address as it is shown: without anything that gives access.
        self.address = shown(address)
        self._folder = _folder_of(address)
        try:
            self._store = _open(address, self._folder, timeout=timedelta(seconds=REQUEST_S))
            #: For whole files, which take longer than other answers.
            self._files = _open(
                address,
                self._folder,
                timeout=timedelta(seconds=FILE_S),
                read_timeout=timedelta(seconds=SILENCE_S),
            )
        except (BaseError, ValueError, OSError) as error:
            raise SettingsInvalid(f"{self.address} is no depot that can be opened ({_reason(error)})") from None

    def find(self, key: str, *, longest: int = LONGEST) -> Found | None:
        """Return an object, or None where there is none. Raises DepotInvalid where it is longer than `longest` bytes."""
        with self._speaking():
            try:
                got = obstore.get(self._store, key)
                meta = got.meta
                if meta["size"] > longest:
                    raise DepotInvalid(
                        f"{self.address}/{key} has {meta['size']} bytes, more than a depot's file may have"
                    )
                data = bytes(got.bytes())
            except FileNotFoundError as error:
                self._require_bucket(error)
                return None
        # What is not stated must not be there at all.
        version = {name: meta[name] for name in ("e_tag", "version") if meta[name] is not None}
        return Found(data, cast("UpdateVersion", version))

    def size(self, key: str) -> int | None:
        """Return how many bytes an object has; None where there is none."""
        with self._speaking():
            try:
                return int(obstore.head(self._store, key)["size"])
            except FileNotFoundError:
                return None

    def parts(self, key: str) -> Iterator[bytes]:
        """Yield an object from its beginning to its end. Raises DepotInvalid where there is none."""
        # Not by ranges, which not every server that calls itself S3 answers.
        with self._speaking():
            try:
                yield from obstore.get(self._files, key).stream(min_chunk_size=PART)
            except FileNotFoundError:
                raise DepotInvalid(f"{self.address} holds no {key}, which its release names") from None

    def write(self, key: str, data: bytes | Path) -> None:
        """Write an object whole, whatever was there."""
        with self._speaking():
            obstore.put(self._files, key, data, chunk_size=PART, max_concurrency=2)

    def delete(self, keys: list[str]) -> None:
        """Delete objects; those that are not there are passed over."""
        with self._speaking(), contextlib.suppress(FileNotFoundError):
            if self._folder is None:
                obstore.delete(self._store, keys)
            else:
                for key in keys:
                    (self._folder / key).unlink(missing_ok=True)

    def keys(self, prefix: str) -> dict[str, int]:
        """Return the keys below a prefix, with their sizes in bytes."""
        with self._speaking():
            return {each["path"]: each["size"] for page in obstore.list(self._store, prefix) for each in page}

    def replace(self, key: str, data: bytes, before: Found | None) -> None:
        """Write an object if it still is what `before` says: the same, or not there. Raises DepotConflict.

        Of two publishers that do this at the same time one succeeds, provided that `honours_conditions`.
        """
        with self._speaking():
            if self._folder is not None:
                self._replace_file(self._folder, key, data, before)
                return
            # Looked at once more for stores that take conditional writes without looking at the condition.
            if self._is_another(key, before):
                raise _conflict(self.address)
            try:
                obstore.put(
                    self._store, key, data, mode="create" if before is None else before.version, use_multipart=False
                )
            except (AlreadyExistsError, PreconditionError):
                # The write may be our own: it was done, the answer was lost, and it was tried again.
                if (now := self.find(key)) is None or now.data != data:
                    raise _conflict(self.address) from None

    def _replace_file(self, folder: Path, key: str, data: bytes, before: Found | None) -> None:
        """Do the same in a folder, which knows no conditional write: under a lock that every publisher takes."""
        lock = os.open(folder / ".lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if self._is_another(key, before):
                raise _conflict(self.address)
            obstore.put(self._store, key, data, use_multipart=False)
        finally:
            os.close(lock)

    def _is_another(self, key: str, before: Found | None) -> bool:
        now = self.find(key)
        return (now and now.data) != (before and before.data)

    def probe(self) -> "Abilities":
        """Find out, with an object of its own, whether the store looks at conditions and keeps old versions."""
        if self._folder is not None:
            return Abilities(honours_conditions=True, keeps_versions=False)
        key = f"probes/{secrets.token_hex(8)}"
        with self._speaking():
            put = obstore.put(self._store, key, b"probe", use_multipart=False)
            try:
                honours = self._refuses(key, "create") and self._refuses(key, {"e_tag": '"0"'})
            finally:
                obstore.delete(self._store, [key])
        return Abilities(honours_conditions=honours, keeps_versions=put["version"] not in (None, "", "null"))

    def _refuses(self, key: str, mode: str | dict[str, str]) -> bool:
        try:
            obstore.put(self._store, key, b"another", mode=mode, use_multipart=False)  # type: ignore[arg-type]
        except (AlreadyExistsError, PreconditionError, NotSupportedError, NotImplementedError):
            return True
        return False

    def _require_bucket(self, error: FileNotFoundError) -> None:
        """Tell a bucket that is not there from an object that is not."""
        if "nosuchbucket" in str(error).lower():
            raise DepotUnreachable(f"the depot {self.address} cannot be used: there is no such bucket")

    @contextlib.contextmanager
    def _speaking(self) -> Iterator[None]:
        try:
            yield
        except (BaseError, OSError, NotImplementedError) as error:
            raise DepotUnreachable(f"the depot {self.address} cannot be used: {_reason(error)}") from None


@dataclass(frozen=True, slots=True)
class Abilities:
    """What a store can do. Where it takes conditional writes without looking at the condition, two publishers at the same
    moment would both be told that they succeeded.
    """

    honours_conditions: bool
    keeps_versions: bool


def sha256_of(data: bytes) -> str:
    """Return the SHA-256 of some bytes in hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def shown(address: str) -> str:
    """Return an address without what may give access: user, password, query."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}".rstrip("/")


def _folder_of(address: str) -> Path | None:
    """Return the folder that a depot in a folder lies in. Raises SettingsInvalid for an address that is none."""
    parts = urlsplit(address)
    if parts.scheme not in SCHEMES or (not parts.netloc and parts.scheme != "file"):
        schemes = ", ".join(f"{scheme}://" for scheme in SCHEMES)
        raise SettingsInvalid(f"{shown(address)!r} is no depot: an address begins with {schemes} and names a bucket")
    if parts.scheme != "file":
        return None
    if parts.netloc not in ("", "localhost") or not parts.path.startswith("/") or parts.path == "/":
        raise SettingsInvalid(
            f"{shown(address)!r} is no depot: file:// takes an absolute path, as in file:///srv/depot"
        )
    return Path(unquote(parts.path))


def _open(address: str, folder: Path | None, **client: object) -> "ObjectStore":
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        return LocalStore(folder)
    # Whoever names an endpoint of plain http in the environment has allowed it by that.
    endpoint = (
        os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or os.environ.get("AWS_ENDPOINT")
    )
    plain = urlsplit(address).scheme == "s3" and (endpoint or "").startswith("http://")
    client |= {"connect_timeout": timedelta(seconds=CONNECT_S)} | ({"allow_http": True} if plain else {})
    config = {"endpoint": endpoint} if plain else {}
    retry = {"max_retries": RETRIES, "retry_timeout": timedelta(seconds=RETRY_S)}
    return cast(
        "ObjectStore",
        from_url(address.rstrip("/"), client_options=client, retry_config=retry, **config),  # type: ignore[call-overload]
    )


def _conflict(address: str) -> DepotConflict:
    return DepotConflict(
        f"another publisher has moved {address} on meanwhile; its release stands and yours was not published. "
        "Run the same command again: it goes on from that release"
    )


def _reason(error: Exception) -> str:
    """Return in a few words of ours why a store failed. What it said itself may hold more than is ours to show."""
    if isinstance(error, UnauthenticatedError):
        return "it does not accept the credentials in the environment"
    if isinstance(error, PermissionDeniedError | PermissionError):
        return "it denies access"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    said = str(error).lower()
    for sign, reason in _REASONS.items():
        if sign in said:
            return reason
    status = re.search(r"status: ([45]\d\d)|error code: ([45]\d\d)|status code: ([45]\d\d)", said)
    if status:
        return f"it answers {next(filter(None, status.groups()))}"
    return "it did not do what was asked"
