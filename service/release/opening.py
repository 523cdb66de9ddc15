"""One release, opened for reading: its database, its documents, its arrays and its statements.

Nothing here writes, and nothing here knows how a release is built or HTTP.
"""

import contextlib
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import orjson

from service.archive.declarations import stated_by
from service.archive.fields import archive_fields
from service.errors import NoRelease, ReleaseDamaged
from service.release.data_folder import current_folder
from service.release.document_file import DOCUMENTS, KEYS, DocumentFile, Keys
from service.release.kept_files import FILES, KeptFile, data_of, kept_path, verify_kept
from service.release.manifest import (
    CANONICAL,
    DATABASE,
    REMEDY,
    FileEntry,
    Manifest,
    damage_of,
    damaged_words,
    no_pause,
    read_manifest,
    verify_engine,
    verify_release,
    without_words,
)
from service.release.orders import ARRAYS, Arrays
from service.release.statements import SIGNATURES, STATEMENTS, Link, chain_files, parse_chain

#: Memory of each connection for parts of the database, in KiB: for those that lead to the others. What a record needs besides
#: is another each time.
CACHE_KIB = 1024


class Release:
    """One release, opened read-only. Threads may share it: each gets its own database connection.

    While it is open its files stay readable, even after the release has been pruned from the data folder.
    """

    def __init__(self, folder: Path, manifest: Manifest, damage: Mapping[str, str] = MappingProxyType({})) -> None:
        """`damage` names files that must not be read, each with what is wrong."""
        self.folder = folder
        self.manifest = manifest
        self.id = manifest.id
        #: Files that were changed on disk while the release was open, each with what is wrong. They are no longer read.
        self._damage = dict(damage)
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
            raise ReleaseDamaged(f"{folder.name}: {DATABASE} is not a release's database; {REMEDY}") from None
        try:
            self._canonical = os.open(folder / CANONICAL, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            self.close()
            raise ReleaseDamaged(f"{folder.name}: {CANONICAL} cannot be read; {REMEDY}") from None
        try:
            self._arrays = Arrays(folder, self.rows("SELECT name, code, offset, length FROM array"))
            self._documents = DocumentFile(folder, self._arrays)
        except (OSError, sqlite3.DatabaseError):
            self.close()
            raise ReleaseDamaged(f"{folder.name}: {ARRAYS}, {DOCUMENTS} or {KEYS} cannot be read; {REMEDY}") from None
        try:
            self._chain_files = chain_files(folder)
        except OSError:
            self.close()
            raise ReleaseDamaged(f"{folder.name}: {STATEMENTS} or {SIGNATURES} cannot be read; {REMEDY}") from None
        #: The head of the archive file, every field present.
        self.head: dict[str, Any] = orjson.loads(head)
        #: The fields of its records.
        self.fields = archive_fields(stated_by(self.head))

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

    def separated_documents(self, ordinals: Sequence[int]) -> list[bytes]:
        """Return the documents of records, in the order given and with commas between them, in pieces. Raises ReleaseDamaged."""
        self.require(DOCUMENTS)
        assert self._documents is not None
        return self._documents.separated(ordinals)

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
        # immutable=1: nobody writes to a published release, so SQLite can do without locks and checks for changes.
        address = (self.folder / DATABASE).absolute().as_uri() + "?mode=ro&immutable=1"
        connection = sqlite3.connect(address, uri=True, check_same_thread=False, cached_statements=512)
        connection.execute("PRAGMA query_only = 1")
        connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        with self._lock:
            self._opened.append(connection)
        return connection

    def prepare_streams(self, number: int) -> None:
        """Open connections for `number` threads in advance, so that they can stream even after the release is deleted."""
        self._spare += [self._connect() for _ in range(number)]

    @contextlib.contextmanager
    def lent_connection(self) -> Iterator[None]:
        """Lend this thread one of the connections opened in advance, for the length of the block.

        A stream is produced in steps, each on any thread of a pool. Without lending, each thread would open its own.
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
        """Return up to `length` bytes of the canonical archive from `start`. Raises OSError and ReleaseDamaged."""
        self.require(CANONICAL)
        if self._canonical is None:
            raise FileNotFoundError(f"{self.folder.name}: the release is closed")
        return os.pread(self._canonical, length, start)

    def statements(self) -> list[Link]:
        """Return the statements of this release and all before it, the oldest first. Raises ReleaseDamaged."""
        self.require(STATEMENTS)
        self.require(SIGNATURES)
        if self._chain is None:
            self._chain = parse_chain(self.folder.name, *self._chain_files)
        return self._chain

    def look_for_damage(self, *, pause: Callable[[], None] = no_pause) -> str | None:
        """Compare every file with the manifest again, and stop reading the files that were changed.

        A file that was deleted is still read, because it is open. Returns what is wrong with the first damaged or missing
        file, or None. `pause` is called after each `HASH_CHUNK` bytes.
        """
        damage: dict[str, str] = {}
        for folder, name, entry in self._every_file():
            if (why := damage_of(folder, name, entry, pause=pause)) is not None:
                damage[name] = why
                if (folder / name).exists():
                    self._damage[name] = why
        return next(iter(damage.values()), None)

    def _every_file(self) -> Iterator[tuple[Path, str, FileEntry]]:
        """Yield the folder, name and measures of every file that the release needs."""
        for name, entry in self.manifest.files.items():
            yield self.folder, name, entry
        for sha256, size in self.manifest.kept.items():
            yield data_of(self.folder), f"{FILES}/{sha256}", FileEntry(bytes=size, sha256=sha256)

    def open_file(self, sha256: str) -> KeptFile:
        """Open a file that the release keeps. Raises ReleaseDamaged, also where the file was erased a moment ago because a newer
        release does not have it.
        """
        self.require(f"{FILES}/{sha256}")
        try:
            return KeptFile(kept_path(data_of(self.folder), sha256))
        except OSError as error:
            raise ReleaseDamaged(f"{self.folder.name}: {FILES}/{sha256} cannot be read ({error.strerror})") from None

    def is_damaged(self, beginning: str) -> bool:
        """Tell whether a file whose name starts with `beginning` was found to be damaged."""
        return any(name.startswith(beginning) for name in self._damage)

    def require(self, beginning: str) -> None:
        """Raise ReleaseDamaged if a file whose name starts with `beginning` was found to be damaged."""
        for name, why in self._damage.items():
            if name.startswith(beginning):
                raise ReleaseDamaged(why)

    @property
    def damage(self) -> str | None:
        """What is wrong with the first file that was found to be damaged; None where there is none."""
        return next(iter(self._damage.values()), None)

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


def open_release(folder: Path, *, verify: bool = True, in_part: bool = False) -> Release:
    """Open a release. Raises ReleaseDamaged; with `verify`, after comparing every file with the manifest.

    With `in_part` a release is opened, too, of which nothing but the index of words is damaged: whatever needs words raises
    ReleaseDamaged then.
    """
    manifest = read_manifest(folder)
    damage = damaged_words(folder, manifest, by_size=not verify) if in_part else {}
    if verify:
        verify_release(folder, without_words(manifest) if in_part else manifest)
        verify_kept(folder, manifest)
    else:
        verify_engine(folder, manifest)
    return Release(folder, manifest, damage)


def open_current(data: Path, *, verify: bool = True, in_part: bool = False) -> Release:
    """Open the release being served, as `open_release` does. Raises NoRelease or ReleaseDamaged."""
    folder = current_folder(data)
    if folder is None:
        raise NoRelease(f"{data} holds no release; publish one: testimony-archive publish ARCHIVE")
    return open_release(folder, verify=verify, in_part=in_part)
