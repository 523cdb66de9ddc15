"""The data folder: releases on disk, which one is current, and opening one for reading.

data/current is a symbolic link to releases/<n>-<id>; replacing it by a rename is the one moment a release becomes the
one being served. Nothing here reads an archive file or knows HTTP.
"""

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError

from service import __version__
from service.archive.model import PREFIXES
from service.archive.writing import sync_folder
from service.errors import NoRelease, PublishInProgress, ReleaseDamaged, ReleaseError, ReleaseUnknown
from service.release.document_file import DOCUMENTS, KEYS, DocumentFile, Keys
from service.release.orders import ARRAYS, Arrays
from service.release.statements import (
    SIGNATURES,
    STATEMENTS,
    Link,
    chain_files,
    keep_chain,
    longest_chain,
    parse_chain,
)

DATABASE = "archive.sqlite"
CANONICAL = "archive.jsonl"
MANIFEST = "manifest.json"
#: The form of the files that this engine writes and reads; raised with every change to it.
RELEASE_FORMAT = 3

#: How many digits of a release id name its folder.
SHORT_ID = 12
#: How much of a file is hashed at a time, in bytes: large enough that the loop costs nothing beside the hashing.
HASH_CHUNK = 1 << 20

_FOLDER = re.compile(r"^([1-9][0-9]*)-([0-9a-f]{12})$")
STAGING_PREFIX = ".staging-"
# A link to the release that is being brought in: see `bring_in`.
_ARRIVING = f"{STAGING_PREFIX}arriving"


class FileEntry(BaseModel):
    """One file of a release: its size in bytes and its SHA-256."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    bytes: int
    sha256: str


class Manifest(BaseModel):
    """What a release says of itself: the last file written, and the first one read."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    #: The form of the release's files: see `RELEASE_FORMAT`.
    format: int = 1
    #: sha256: and the SHA-256 of the canonical public archive.
    id: str
    number: int
    published_at: str
    engine: str
    #: Public records by collection, and withdrawals.
    counts: dict[str, int]
    #: Citations and sources that the archive's editors have declared to name nobody whose name is protected.
    masked: int = 0
    files: dict[str, FileEntry]


@dataclass(frozen=True, slots=True)
class Kept:
    """A release in the data folder, as `releases list` shows it. `manifest` is None where it cannot be read."""

    folder: Path
    number: int
    short_id: str
    current: bool
    manifest: Manifest | None


# --- Looking ------------------------------------------------------------------------------------------------------


def current_folder(data: Path) -> Path | None:
    """Return the folder of the release being served, or None where nothing has been published.

    Raises ReleaseDamaged where `current` points to nothing.
    """
    link = data / "current"
    try:
        target = link.readlink()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ReleaseDamaged(f"{link} is not a link to a release ({error.strerror}); remove it and publish") from None
    folder = data / target
    if not folder.is_dir() or not _FOLDER.match(folder.name):
        raise ReleaseDamaged(f"{link} points to {target}, which is not there; run: testimony-archive releases rollback")
    return folder


def kept_releases(data: Path) -> list[Kept]:
    """Return every release in the data folder, the newest first."""
    try:
        current = current_folder(data)
    except ReleaseDamaged:
        current = None
    kept = []
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        for folder in (data / "releases").iterdir():
            if match := _FOLDER.match(folder.name):
                try:
                    manifest = read_manifest(folder)
                except ReleaseDamaged:
                    manifest = None
                is_current = current is not None and folder.name == current.name
                kept.append(Kept(folder, int(match[1]), match[2], is_current, manifest))
    return sorted(kept, key=lambda release: release.number, reverse=True)


def read_manifest(folder: Path) -> Manifest:
    """Return a release's manifest. Raises ReleaseDamaged where it is missing or no manifest."""
    try:
        return Manifest.model_validate_json((folder / MANIFEST).read_bytes())
    except OSError as error:
        raise ReleaseDamaged(f"{folder.name}: manifest.json cannot be read ({error.strerror}); {_REMEDY}") from None
    except ValidationError:
        raise ReleaseDamaged(f"{folder.name}: manifest.json is not a release's manifest; {_REMEDY}") from None


_REMEDY = "run: testimony-archive releases rollback; where there is no earlier release, move the data folder aside and publish again"


def _go_on() -> None:
    """Do not pause."""


def verify_release(folder: Path, manifest: Manifest) -> None:
    """Compare every file of a release with its manifest, and the engine with this one. Raises ReleaseDamaged."""
    _verify_engine(folder, manifest)
    verify_files(folder, manifest)


def verify_format(folder: Path, manifest: Manifest) -> None:
    """Make sure that a release's files have the form that this engine reads. Raises ReleaseDamaged."""
    if manifest.format != RELEASE_FORMAT:
        raise ReleaseDamaged(
            f"{folder.name} has files of form {manifest.format}, and this engine reads form {RELEASE_FORMAT}; "
            "move the data folder aside and publish the archive again"
        )


def _verify_engine(folder: Path, manifest: Manifest) -> None:
    verify_format(folder, manifest)
    if manifest.engine != __version__:
        raise ReleaseDamaged(
            f"{folder.name} was published by version {manifest.engine} of the engine and this is {__version__}; "
            "publish the archive again: testimony-archive publish ARCHIVE"
        )


def verify_files(folder: Path, manifest: Manifest) -> None:
    """Compare every file of a release with its manifest. Raises ReleaseDamaged."""
    for name, entry in manifest.files.items():
        if (damage := _damage_of(folder, name, entry)) is not None:
            raise ReleaseDamaged(damage)


def _damage_of(folder: Path, name: str, entry: FileEntry, *, pause: Callable[[], None] = _go_on) -> str | None:
    """Return what is wrong with one file of a release, or None."""
    path = folder / name
    try:
        size = path.stat().st_size
        intact = size == entry.bytes and file_sha256(path, pause=pause) == entry.sha256
    except OSError as error:
        return f"{folder.name}: {name} cannot be read ({error.strerror}); {_REMEDY}"
    if size != entry.bytes:
        return f"{folder.name}: {name} has {size} bytes instead of {entry.bytes}; {_REMEDY}"
    return None if intact else f"{folder.name}: {name} was changed after it was published; {_REMEDY}"


#: What tells that files were touched: inode, bytes, and when content and inode were last changed, in nanoseconds.
Marks = dict[str, tuple[int, int, int, int]]


def marks_of(folder: Path) -> Marks:
    """Return the marks of all files of a release. It takes microseconds, where comparing digests takes seconds."""
    marks: Marks = {}
    for inside, _, names in os.walk(folder):
        for path in (Path(inside, name) for name in names):
            with contextlib.suppress(OSError):  # gone since
                state = path.stat()
                marks[str(path)] = (state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns)
    return marks


def file_sha256(path: Path, *, pause: Callable[[], None] = _go_on) -> str:
    """Return the SHA-256 of a file in hexadecimal digits. `pause` is called after each `HASH_CHUNK` bytes."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(HASH_CHUNK):
            digest.update(chunk)
            pause()
    return digest.hexdigest()


# --- Reading one release --------------------------------------------------------------------------------------------


class Release:
    """One release, opened read-only. Threads may share it: each gets a connection of its own.

    Its files stay readable while it is open, also after a newer release has taken its place and it was pruned.
    """

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        self.folder = folder
        self.manifest = manifest
        self.id = manifest.id
        #: Files that were changed while the release was open, with what is wrong: they are read no more.
        self._damage: dict[str, str] = {}
        self._connections = threading.local()
        self._opened: list[sqlite3.Connection] = []
        self._spare: list[sqlite3.Connection] = []
        self._lock = threading.Lock()
        self._canonical: int | None = None
        self._chain: list[Link] | None = None
        self._arrays: Arrays | None = None
        self._documents: DocumentFile | None = None
        try:
            [(head,)] = self.rows("SELECT document FROM archive_head")
        except (sqlite3.DatabaseError, ValueError):
            raise ReleaseDamaged(f"{folder.name}: {DATABASE} is not a release's database; {_REMEDY}") from None
        try:
            self._canonical = os.open(folder / CANONICAL, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            self.close()
            raise ReleaseDamaged(f"{folder.name}: {CANONICAL} cannot be read; {_REMEDY}") from None
        try:
            self._arrays = Arrays(folder, self.rows("SELECT name, code, offset, length FROM array"))
            self._documents = DocumentFile(folder, self._arrays)
        except (OSError, sqlite3.DatabaseError):
            self.close()
            raise ReleaseDamaged(f"{folder.name}: {ARRAYS}, {DOCUMENTS} or {KEYS} cannot be read; {_REMEDY}") from None
        try:
            self._chain_files = chain_files(folder)
        except OSError:
            self.close()
            raise ReleaseDamaged(f"{folder.name}: {STATEMENTS} or {SIGNATURES} cannot be read; {_REMEDY}") from None
        #: The head of the archive file, every field present.
        self.head: dict[str, Any] = orjson.loads(head)

    @property
    def arrays(self) -> Arrays:
        """The orders and columns of the release, which must be open. Raises ReleaseDamaged."""
        self.require(ARRAYS)
        assert self._arrays is not None
        return self._arrays

    def documents(self, ordinals: Sequence[int]) -> list[bytes]:
        """Return the documents of records, in the order given. Raises ReleaseDamaged."""
        self.require(DOCUMENTS)
        assert self._documents is not None
        return self._documents.read(ordinals)

    def joined_documents(self, ordinals: Sequence[int]) -> bytes:
        """Return the documents of records, in the order given, with commas between them. Raises ReleaseDamaged."""
        self.require(DOCUMENTS)
        assert self._documents is not None
        return self._documents.joined(ordinals)

    def document(self, ordinal: int) -> bytes:
        """Return the document of a record. Raises ReleaseDamaged."""
        self.require(DOCUMENTS)
        assert self._documents is not None
        return self._documents.one(ordinal)

    def keys(self, ordinal: int) -> Keys:
        """Return what a record is sorted by. Raises ReleaseDamaged."""
        self.require(KEYS)
        assert self._documents is not None
        return self._documents.keys(ordinal)

    def connection(self) -> sqlite3.Connection:
        """Return this thread's connection. Raises ReleaseDamaged."""
        self.require(DATABASE)
        connection: sqlite3.Connection | None = getattr(self._connections, "sqlite", None)
        if connection is None:
            connection = self._connections.sqlite = self._connect()
        return connection

    def _connect(self) -> sqlite3.Connection:
        # immutable: nobody writes to a sealed release, so SQLite needs neither locks nor checks for changes.
        address = (self.folder / DATABASE).absolute().as_uri() + "?mode=ro&immutable=1"
        connection = sqlite3.connect(address, uri=True, check_same_thread=False, cached_statements=512)
        connection.execute("PRAGMA query_only = 1")
        with self._lock:
            self._opened.append(connection)
        return connection

    def prepare_streams(self, number: int) -> None:
        """Open now what `number` threads need to stream from this release: they go on when it has been removed."""
        self._spare += [self._connect() for _ in range(number)]

    @contextlib.contextmanager
    def lent_connection(self) -> Iterator[None]:
        """Give this thread a connection that was opened beforehand, and take it back: for work in steps that any thread
        may do, which would else open one connection in each.
        """
        before: sqlite3.Connection | None = getattr(self._connections, "sqlite", None)
        with self._lock:
            lent = self._spare.pop() if self._spare else None
        self._connections.sqlite = lent or self._connect()
        try:
            yield
        finally:
            with self._lock:
                self._spare.append(self._connections.sqlite)
            self._connections.sqlite = before

    def canonical_part(self, start: int, length: int) -> bytes:
        """Return bytes of the public archive in canonical form; fewer at its end. Raises OSError and ReleaseDamaged."""
        self.require(CANONICAL)
        if self._canonical is None:
            raise FileNotFoundError(f"{self.folder.name}: the release is closed")
        return os.pread(self._canonical, length, start)

    def statements(self) -> list[Link]:
        """Return the statements of this release and all before it, the oldest first. Raises ReleaseDamaged."""
        self.require(STATEMENTS)
        if self._chain is None:
            self._chain = parse_chain(self.folder.name, *self._chain_files)
        return self._chain

    def look_for_damage(self, *, pause: Callable[[], None] = _go_on) -> str | None:
        """Compare every file with the manifest again, and read those no more that were changed. A file that is gone goes
        on being read, since it is open. Returns what is wrong with the first that is not as it was published. `pause` is
        called after each `HASH_CHUNK` bytes.
        """
        files = self.manifest.files.items()
        found = {name: _damage_of(self.folder, name, entry, pause=pause) for name, entry in files}
        damage = {name: why for name, why in found.items() if why is not None}
        self._damage = {name: why for name, why in damage.items() if (self.folder / name).exists()}
        return next(iter(damage.values()), None)

    def require(self, beginning: str) -> None:
        """Make sure that the files whose names begin so may be read. Raises ReleaseDamaged."""
        for name, why in self._damage.items():
            if name.startswith(beginning):
                raise ReleaseDamaged(why)

    def rows(self, statement: str, binds: tuple[Any, ...] = ()) -> list[Any]:
        """Return every row of a statement."""
        return self.connection().execute(statement, binds).fetchall()

    def close(self) -> None:
        """Close every connection. The release must not be used afterwards."""
        with self._lock:
            for connection in self._opened:
                connection.close()
            self._opened.clear()
            self._spare.clear()
            if self._canonical is not None:
                os.close(self._canonical)
                self._canonical = None
            if self._arrays is not None:
                self._arrays.close()
                self._arrays = None
            if self._documents is not None:
                self._documents.close()
                self._documents = None

    # What the checks ask of the release before the one being published (`archive.checks.ledger.Predecessor`).

    def withdrawn_ids(self) -> Iterator[str]:
        """Yield the identifier of every withdrawn record."""
        yield from (row[0] for row in self.connection().execute("SELECT id FROM withdrawn ORDER BY id"))

    def public_ids(self) -> Iterator[str]:
        """Yield the identifier of every public record, in order."""
        yield from (row[0] for row in self.connection().execute("SELECT id FROM record ORDER BY ordinal"))

    def source_hashes(self) -> Iterator[tuple[str, str]]:
        """Yield each source that has a text with the text's SHA-256."""
        prefix = PREFIXES["source"]
        rows = self.connection().execute(
            "SELECT ordinal, id FROM record WHERE id BETWEEN ? AND ? ORDER BY id", (f"{prefix}-", f"{prefix}.")
        )
        for ordinal, record_id in rows:
            text = orjson.loads(self.document(ordinal))["text"]
            if text is not None:
                yield record_id, text["sha256"]


def open_release(folder: Path, *, verify: bool = True) -> Release:
    """Open a release. Raises ReleaseDamaged; with `verify`, after comparing every file with the manifest."""
    manifest = read_manifest(folder)
    if verify:
        verify_release(folder, manifest)
    else:
        _verify_engine(folder, manifest)
    return Release(folder, manifest)


def open_current(data: Path, *, verify: bool = True) -> Release:
    """Open the release being served. Raises NoRelease or ReleaseDamaged."""
    folder = current_folder(data)
    if folder is None:
        raise NoRelease(f"{data} holds no release; publish one: testimony-archive publish ARCHIVE")
    return open_release(folder, verify=verify)


# --- Changing the data folder ---------------------------------------------------------------------------------------


@contextlib.contextmanager
def sole_publisher(data: Path) -> Iterator[None]:
    """Hold the data folder against other publishers, and clear what one that was killed has left there. Raises
    PublishInProgress where one is at work.

    The lock is the kernel's: it goes with the process that holds it, however that ends.
    """
    try:
        (data / "releases").mkdir(parents=True, exist_ok=True)
        lock = os.open(data / ".lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise ReleaseError(f"{data} cannot be written to ({error.strerror})") from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise PublishInProgress(f"another process is publishing into {data}; try again when it is done") from None
    try:
        _clear_debris(data)
        yield
    finally:
        os.close(lock)


def _clear_debris(data: Path) -> None:
    """Remove what a publisher that was killed left behind."""
    (data / "current.new").unlink(missing_ok=True)
    arriving = data / "releases" / _ARRIVING
    if arriving.is_symlink():
        # Nobody was served this release: it is none to go back to, and must not take the place of one that is.
        folder = arriving.with_name(arriving.readlink().name)
        if folder.exists() and _linked_name(data / "current") != folder.name:
            _remove(folder)
        arriving.unlink()
    for path in (data / "releases").glob(f"{STAGING_PREFIX}*"):
        shutil.rmtree(path, ignore_errors=True)


def _linked_name(link: Path) -> str | None:
    return link.readlink().name if link.is_symlink() else None


def bring_in(data: Path, staging: Path, folder: Path) -> None:
    """Move a sealed release from `staging` to its place, `folder`, and make it the release being served.

    A link says meanwhile which one arrives: a publisher that is killed between the two steps leaves a release that looks
    like one that was served before and rolled back from.
    """
    arriving = folder.with_name(_ARRIVING)
    arriving.symlink_to(folder.name)
    sync_folder(folder.parent)
    staging.rename(folder)
    sync_folder(folder.parent)
    make_current(data, folder)
    arriving.unlink()


def make_current(data: Path, folder: Path) -> None:
    """Make `folder` the release being served: one rename, made durable."""
    link = data / "current.new"
    link.unlink(missing_ok=True)
    link.symlink_to(Path("releases") / folder.name)
    link.replace(data / "current")
    sync_folder(data)


def roll_back(data: Path, number: int | None = None) -> Kept:
    """Serve an earlier release again: release `number`, or the newest intact one before the current.

    Raises ReleaseUnknown where there is none, ReleaseDamaged where the one asked for is.
    """
    with sole_publisher(data):
        kept = kept_releases(data)
        current = next((release.number for release in kept if release.current), None)
        if number is None:
            earlier = [release for release in kept if current is None or release.number < current]
            candidates = [release for release in earlier if is_intact(release)]
            if not candidates:
                raise ReleaseUnknown("there is no earlier release to go back to; see: testimony-archive releases list")
            chosen = candidates[0]
        else:
            matching = [release for release in kept if release.number == number]
            if not matching:
                raise ReleaseUnknown(f"release {number} is not kept; see: testimony-archive releases list")
            chosen = matching[0]
            verify_release(chosen.folder, read_manifest(chosen.folder))
        make_current(data, chosen.folder)
        return chosen


def is_intact(release: Kept) -> bool:
    """Tell whether every file of a kept release is as it was published, by this version of the engine."""
    try:
        verify_release(release.folder, read_manifest(release.folder))
    except ReleaseDamaged:
        return False
    return True


def prune(data: Path, *, keep: int) -> list[Kept]:
    """Remove all but the current release and the newest others, `keep` in all. Returns what was removed."""
    with sole_publisher(data):
        return prune_held(data, keep=keep)


def erase(data: Path) -> list[Kept]:
    """Remove every release but the current one, and what publishers that were killed left behind. Returns the releases.

    Raises NoRelease where none is current, ReleaseError where something could not be removed.
    """
    with sole_publisher(data):
        if current_folder(data) is None:
            raise NoRelease(f"{data} holds no release; nothing was removed")
        removed = prune_held(data, keep=1)
        if left := sorted(path.name for path in (data / "releases").glob(f"{STAGING_PREFIX}*")):
            raise ReleaseError(f"{data / 'releases'} still holds {', '.join(left)}, which could not be removed")
        sync_folder(data / "releases")
        return removed


def prune_held(data: Path, *, keep: int) -> list[Kept]:
    """`prune` for a caller that holds the lock."""
    others = [release for release in kept_releases(data) if not release.current]
    removed = others[max(0, keep - 1) :]
    _keep_statements_of(data, removed)
    for release in removed:
        _remove(release.folder)
    return removed


def chain_of(data: Path) -> list[Link]:
    """Return the statements of every release that was ever published into a data folder, the oldest first."""
    return longest_chain([data, *(release.folder for release in kept_releases(data))])


def _keep_statements_of(data: Path, removed: Sequence[Kept]) -> None:
    """See to it that no statement goes with the releases to be removed. One that was gone back from has statements that
    no release left knows; without them its number would be given again, and that it was ever published would be denied.
    """
    gone = {release.folder for release in removed}
    left = longest_chain([data, *(each.folder for each in kept_releases(data) if each.folder not in gone)])
    known = left[-1].statement.number if left else 0
    whole = chain_of(data)
    if whole and whole[-1].statement.number > known:
        keep_chain(data, whole)


def _remove(folder: Path) -> None:
    # First out of sight, in one step: a half-removed folder must not look like a release.
    doomed = folder.with_name(f"{STAGING_PREFIX}removed-{folder.name}")
    folder.rename(doomed)
    shutil.rmtree(doomed, ignore_errors=True)


def sync_file(path: Path) -> None:
    """Make a file's content durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def timestamp(moment: datetime) -> str:
    """Return a moment as UTC, RFC 3339, to the second."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
