"""What a release says of itself: its files with their sizes and hashes, and whether they are still as they were published.

Knows the files of one release, not what is in them, and no data folder around it.
"""

import contextlib
import hashlib
import os
from collections.abc import Callable
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from service import __version__
from service.errors import ReleaseDamaged

DATABASE = "archive.sqlite"
CANONICAL = "archive.jsonl"
MANIFEST = "manifest.json"
#: The folder of the index of words.
INDEX = "index"
#: The form of the files that this engine writes and reads; raised with every change to it.
RELEASE_FORMAT = 10

#: How many digits of a release id name its folder.
SHORT_ID = 12
#: How much of a file is hashed at a time, in bytes: large enough that the loop costs nothing beside the hashing.
HASH_CHUNK = 1 << 20

#: What an operator can do about a damaged release; the end of every such message.
REMEDY = "run: testimony-archive releases rollback; where there is no earlier release, move the data folder aside and publish again"


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
    #: The public files of sources that it needs, by SHA-256, with their sizes in bytes: see `kept_files.py`.
    kept: dict[str, int] = {}

    @property
    def short_id(self) -> str:
        """As many digits of the id as tell releases of one archive apart."""
        return self.id.removeprefix("sha256:")[:SHORT_ID]

    @property
    def archive(self) -> FileEntry:
        """The canonical public archive."""
        return self.files[CANONICAL]


def no_pause() -> None:
    """Go on at once: for callers that need not let others work in between."""


def read_manifest(folder: Path) -> Manifest:
    """Return a release's manifest. Raises ReleaseDamaged where it is missing or no manifest."""
    try:
        return Manifest.model_validate_json((folder / MANIFEST).read_bytes())
    except OSError as error:
        raise ReleaseDamaged(f"{folder.name}: manifest.json cannot be read ({error.strerror}); {REMEDY}") from None
    except ValidationError:
        raise ReleaseDamaged(f"{folder.name}: manifest.json is not a release's manifest; {REMEDY}") from None


def verify_release(folder: Path, manifest: Manifest) -> None:
    """Compare every file of a release with its manifest, and the engine with this one. Raises ReleaseDamaged."""
    verify_engine(folder, manifest)
    verify_files(folder, manifest)


def verify_format(folder: Path, manifest: Manifest) -> None:
    """Make sure that a release's files have the form that this engine reads. Raises ReleaseDamaged."""
    if manifest.format != RELEASE_FORMAT:
        raise ReleaseDamaged(
            f"{folder.name} has files of form {manifest.format}, and this engine reads form {RELEASE_FORMAT}; "
            "move the data folder aside and publish the archive again"
        )


def verify_engine(folder: Path, manifest: Manifest) -> None:
    """Make sure that this version of the engine published a release, in the form it reads. Raises ReleaseDamaged."""
    verify_format(folder, manifest)
    if manifest.engine != __version__:
        raise ReleaseDamaged(
            f"{folder.name} was published by version {manifest.engine} of the engine and this is {__version__}; "
            "publish the archive again: testimony-archive publish ARCHIVE"
        )


def verify_files(folder: Path, manifest: Manifest) -> None:
    """Compare every file of a release with its manifest. Raises ReleaseDamaged."""
    for name, entry in manifest.files.items():
        if (damage := damage_of(folder, name, entry)) is not None:
            raise ReleaseDamaged(damage)


def without_words(manifest: Manifest) -> Manifest:
    """Return the manifest of a release less its index of words."""
    files = {name: entry for name, entry in manifest.files.items() if not name.startswith(f"{INDEX}/")}
    return manifest.model_copy(update={"files": files})


def damaged_words(folder: Path, manifest: Manifest, *, by_size: bool) -> dict[str, str]:
    """Return the damaged files of the index of words, each with what is wrong.

    `by_size` tells them by their sizes alone, which takes no time and finds what was cut short: an engine that reads such a file
    ends the process.
    """
    words = {name: entry for name, entry in manifest.files.items() if name.startswith(f"{INDEX}/")}
    found = {name: damage_of(folder, name, entry, by_size=by_size) for name, entry in words.items()}
    return {name: why for name, why in found.items() if why is not None}


def damage_of(
    folder: Path, name: str, entry: FileEntry, *, by_size: bool = False, pause: Callable[[], None] = no_pause
) -> str | None:
    """Return what is wrong with one file of a release, or None; `by_size` looks at nothing but its size. `pause` is called
    after each `HASH_CHUNK` bytes.
    """
    path = folder / name
    try:
        size = path.stat().st_size
        intact = size == entry.bytes and (by_size or file_sha256(path, pause=pause) == entry.sha256)
    except OSError as error:
        return f"{folder.name}: {name} cannot be read ({error.strerror}); {REMEDY}"
    if size != entry.bytes:
        return f"{folder.name}: {name} has {size} bytes instead of {entry.bytes}; {REMEDY}"
    return None if intact else f"{folder.name}: {name} was changed after it was published; {REMEDY}"


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


def file_sha256(path: Path, *, pause: Callable[[], None] = no_pause) -> str:
    """Return the SHA-256 of a file in hexadecimal digits. `pause` is called after each `HASH_CHUNK` bytes."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(HASH_CHUNK):
            digest.update(chunk)
            pause()
    return digest.hexdigest()
