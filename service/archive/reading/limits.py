"""What no JSON of an archive may hold, and the sentences that say so."""

import io
import re
from collections.abc import Iterator

from service.archive.reading.files import CHUNK

#: Longest record, in bytes of JSON. The longest transcripts, of a day's hearing, have under 1 MiB.
MAX_RECORD = 16 * 2**20
#: Most objects and lists inside one another, the record itself included. The format's own fields need 5.
MAX_DEPTH = 64

TOO_LONG = f"A record is longer than {MAX_RECORD // 2**20} MiB."
TOO_DEEP = f"Lists and objects are nested more than {MAX_DEPTH} deep."
TOO_LARGE = "A number is too large."
REPEATED_KEY = "An object has the same key twice."
LONE_SURROGATE = "A \\u escape is half of a surrogate pair, which is no character."

# Longest escape, in bytes: a surrogate pair.
_ESCAPE_LENGTH = 12
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_ESCAPES = re.compile(
    rb"""\\ (?: u[dD][89abAB][0-9a-fA-F]{2} \\u[dD][c-fC-F][0-9a-fA-F]{2}  # a pair
          | (?P<lone> u[dD][89a-fA-F])
          | . )""",
    re.VERBOSE | re.DOTALL,
)


def lone_surrogate(data: bytes) -> int | None:
    """Return where JSON that cuts no escape in two escapes half of a surrogate pair, if it does."""
    # The quick looks first: going through every escape takes as long as parsing.
    if b"\\u" not in data or not _SURROGATE.search(data):
        return None
    return next((escape.start() for escape in _ESCAPES.finditer(data) if escape["lone"]), None)


def whole_escapes(stream: io.BufferedReader) -> Iterator[bytes]:
    """Yield the stream in chunks that cut no escape in two, and none that is longer than a record may be."""
    while chunk := stream.read1(CHUNK):
        while b"\\" in chunk[-_ESCAPE_LENGTH:] and len(chunk) <= MAX_RECORD and (more := stream.read1(CHUNK)):
            chunk += more
        yield chunk


class LineRefused(Exception):
    """A line that cannot be taken; what follows it can still be read."""


class Broken(Exception):
    """JSON behind which nothing can be read any more."""


class BrokenSyntax(Broken):
    """As the parser found it, which does not say where."""
