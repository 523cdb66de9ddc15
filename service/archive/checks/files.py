"""Files that lie beside the archive file against what the archive says of them: where they are, their bytes, hash and type."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import filetype

from service.archive.checks.ledger import Ledger, StatedFile
from service.archive.files import open_inside
from service.archive.reading import Finding
from service.errors import FileChanged, FileUnsafe

#: A finding, and the number of the piece of the archive file that it is about.
Numbered = tuple[int, Finding]

#: Bytes of a file's beginning that its type is told by: tar's mark stands furthest in.
_BEGINNING = 8192
#: What browsers run scripts of begins with a tag, after spaces and a byte order mark.
_SPACE = b" \t\r\n\x0c"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
#: Types whose files have marks of their own at the beginning.
_MARKED = ("audio", "video", "image")
_PDF = "application/pdf"
#: Containers of sound and picture alike: their mark does not tell which is in it.
_PLAYED = frozenset({"audio", "video"})


def check_files(folder: Path, ledger: Ledger, *, progress: Callable[[int], None] | None = None) -> Iterator[Numbered]:
    """Yield what is wrong with the files that the archive names by paths from `folder`. Each is read once, in pieces.

    `progress` is told the bytes read so far.
    """
    done = 0
    looked: tuple[str, _Look] | None = None
    for file in ledger.files():
        if looked is None or looked[0] != file.path or (looked[1].is_unread and file.bytes in (None, looked[1].size)):
            looked = file.path, _look(folder, file.path, stated=file.bytes)
            done += looked[1].size
            if progress is not None:
                progress(done)
        for code, field, detail in _compare(file, looked[1]):
            yield file.number, Finding(code, f"{file.pointer}/{field}", detail)


@dataclass(frozen=True, slots=True)
class _Look:
    """What a file holds, or what is wrong with it as a file."""

    size: int = 0
    sha256: str = ""
    beginning: bytes = b""
    #: Whether it was not read, since its size alone is another than was stated.
    is_unread: bool = False
    #: The code of the rule that it breaks, and why.
    trouble: tuple[str, str] | None = None


def _look(folder: Path, path: str, *, stated: int | None) -> _Look:
    try:
        with open_inside(folder, path) as file:
            if stated is not None and stated != file.size:
                return _Look(size=file.size, is_unread=True)
            digest, size, beginning = hashlib.sha256(), 0, b""
            for piece in file.pieces():
                beginning = beginning or piece[:_BEGINNING]
                size += len(piece)
                digest.update(piece)
        return _Look(size=size, sha256=digest.hexdigest(), beginning=beginning)
    except FileUnsafe as error:
        return _Look(trouble=("unsafe_path", str(error)))
    except FileChanged as error:
        return _Look(trouble=("file_mismatch", str(error)))
    except OSError as error:
        return _Look(trouble=("missing_file", f"The file cannot be read: {error.strerror or 'unknown'}."))


def _compare(stated: StatedFile, found: _Look) -> Iterator[tuple[str, str, str]]:
    """Yield each rule that a file breaks: code, field and sentence."""
    if found.trouble is not None:
        code, detail = found.trouble
        yield code, "path", detail
        return
    if stated.bytes is not None and stated.bytes != found.size:
        yield "file_mismatch", "bytes", f"The file has {found.size} bytes."
    elif stated.sha256 != found.sha256:
        yield "file_mismatch", "sha256", "The file has another SHA-256."
    if (kind := _other_type(stated.media_type, found.beginning)) is not None:
        yield "media_type_mismatch", "media_type", f"The file begins like {kind}."


def _other_type(media_type: str, beginning: bytes) -> str | None:
    """Return what a file is by how it begins, where that is not what its media type says; None where it may be."""
    family = media_type.partition("/")[0]
    if not (family in _MARKED or media_type == _PDF) or media_type.endswith("+xml"):
        return None
    if beginning.removeprefix(_BYTE_ORDER_MARK).lstrip(_SPACE).startswith(b"<"):
        return "HTML or XML"
    found: str | None = filetype.guess_mime(beginning) if beginning else None
    if found is None:
        return None
    of = found.partition("/")[0]
    if media_type == _PDF or of not in _MARKED:
        return None if found == media_type or not _is_telling(found) else found
    return None if of == family or {of, family} <= _PLAYED else found


def _is_telling(found: str) -> bool:
    """Tell whether a mark says for certain what a file is: programs and archives have long ones, fonts and others do not."""
    return found.partition("/")[0] in _MARKED or found in {
        _PDF,
        "application/zip",
        "application/gzip",
        "application/x-executable",
        "application/x-msdownload",
        "application/x-rar-compressed",
        "application/x-7z-compressed",
    }
