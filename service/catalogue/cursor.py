"""Opaque cursors: text that marks a place in a sorted and filtered list, for the next or the previous page.

A cursor holds the sort key and the identifier of the neighbouring record, not a row number, so that it still marks the
same place in a newer release. A fingerprint of collection, filters and sort ties it to its list. It also holds the
record's place in the release that gave it out, so that in that release nothing has to be searched.
"""

import base64
import binascii
import hashlib
from typing import Any, NamedTuple

import orjson

from service.archive.identifiers import ID_LENGTH
from service.errors import InvalidCursor

#: Raised when the meaning of the parts changes, so that an old cursor is refused and not misread.
_VERSION = 2
#: Longer cursors are refused, in characters. The longest that is given out holds a sort key of 64 characters of four bytes
#: each, an identifier of 64 characters, and 50 more bytes; in base64 that makes 494 characters.
CURSOR_LENGTH = 512
# Translates the URL alphabet of base64 to the standard one (RFC 4648, sections 5 and 4). The standard signs + and / are
# turned into spaces, which are refused.
_FROM_URL = str.maketrans("-_+/", "+/  ")


class Cursor(NamedTuple):
    """The place just after the record `id`, whose sort key is `key`; just before it where `backward` is set."""

    backward: bool
    key: str
    id: str
    #: The place of the record in its collection's order, and the release in which it has that place.
    place: int = 0
    release: str = ""

    def encode(self, fingerprint: str) -> str:
        """Return the cursor as text for a query string."""
        return encode_parts([_VERSION, fingerprint, int(self.backward), *self[1:]])


def encode_parts(parts: list[Any]) -> str:
    """Return the parts of a cursor as text for a query string."""
    return base64.urlsafe_b64encode(orjson.dumps(parts)).rstrip(b"=").decode()


def decode_parts(text: str) -> list[Any]:
    """Return the parts of a cursor. Raises ValueError where it is none."""
    try:
        if len(text) > CURSOR_LENGTH:
            raise ValueError
        padded = text.translate(_FROM_URL) + "=" * (-len(text) % 4)
        parts = orjson.loads(binascii.a2b_base64(padded, strict_mode=True))
    except (binascii.Error, RecursionError):
        raise ValueError from None
    return parts if isinstance(parts, list) else []


def not_ours() -> InvalidCursor:
    """Return the problem with a cursor that was made up or changed."""
    return InvalidCursor("cursor is not one that this archive gave out; follow the links of a page as they are given")


def fingerprint(*parts: object) -> str:
    """Return a short digest of what a list depends on: collection, filters, sort order."""
    return hashlib.blake2s(orjson.dumps(parts), digest_size=6).hexdigest()


def decode_cursor(text: str, expected: str) -> Cursor:
    """Read a cursor. Raises InvalidCursor where it is none, or its fingerprint is not `expected`."""
    try:
        version, found, backward, key, record_id, place, release = decode_parts(text)
        well_formed = (
            version == _VERSION
            and backward in (0, 1)
            and isinstance(found, str)
            and isinstance(key, str)
            and isinstance(record_id, str)
            and len(record_id) <= ID_LENGTH
            and isinstance(place, int)
            and isinstance(release, str)
        )
        if not well_formed:
            raise ValueError
    except (ValueError, TypeError):
        raise not_ours() from None
    if found != expected:
        raise InvalidCursor(
            "cursor belongs to a list with other filters or another sort; start again without cursor, "
            "or repeat the filters and sort it was made for"
        )
    return Cursor(bool(backward), key, record_id, place, release)
