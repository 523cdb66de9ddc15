"""An archive that is given on standard input: `-` in place of a file."""

import json
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from service.errors import TestimonyArchiveError

_STANDARD_INPUT = Path("-")
#: The first bytes of every gzip file (RFC 1952, section 2.3.1).
_GZIP = b"\x1f\x8b"
#: Bytes of a first line that are looked at: the head of an archive is far shorter.
_HEAD = 1 << 20


@contextmanager
def archive_file(archive: Path) -> Iterator[Path]:
    """Yield the archive as a file that can be read more than once.

    What comes on standard input is kept in the folder for temporary files, readable for this user alone, until the
    block ends. What it is (JSON, JSON Lines, gzip) is seen from how it begins, since it has no name.
    """
    if archive != _STANDARD_INPUT:
        yield archive
        return
    if sys.stdin.isatty():
        raise TestimonyArchiveError("- reads the archive from standard input, which is a terminal: use - < my.json")
    given = sys.stdin.buffer
    with TemporaryDirectory(prefix="testimony-archive-") as folder:
        first = given.readline(_HEAD)
        path = Path(folder) / f"standard-input{_suffix(first)}"
        with path.open("xb") as file:
            file.write(first)
            shutil.copyfileobj(given, file)
        yield path


def folder_of_files(archive: Path) -> Path | None:
    """Return where the paths of an archive's files start: for one on standard input the folder of the command, else None, which
    stands for the archive's own.
    """
    return Path() if archive == _STANDARD_INPUT else None


def _suffix(first: bytes) -> str:
    """Return the suffix of the form whose first line this is."""
    if first.startswith(_GZIP):
        return ".jsonl.gz"
    try:
        head = json.loads(first)
    except ValueError:
        return ".json"
    # A whole archive may be a single line too; it has lists of records beside the head.
    return ".jsonl" if isinstance(head, dict) and set(head) <= {"format", "archive"} else ".json"
