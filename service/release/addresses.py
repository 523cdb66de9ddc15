"""Addresses in documents. Documents are written when a release is published, when nobody knows yet where it is served.

So they hold `MARK` in place of scheme, host and root path: one byte, because a byte is found in memory thirty times as fast as
a few that have to stand together. In texts the same character is written as an escape, so that none of them can look like it.
"""

import re
from collections.abc import Mapping
from typing import Any

import orjson

from service.archive.identifiers import PLURALS, TYPE_OF_PREFIX

#: How an address begins in a document as it is stored: the character U+007F, which JSON allows as it is.
MARK = b"\x7f"
_ESCAPED = rb"\u007f"

# The key and the beginning of a file's address. In a text, quotation marks are escaped.
_FILE = b'"href":"/v1/sources/'
_PAGE = re.compile(rb'"html":"\x7f[^"]*"')


def links_of(record_id: str, referred_by: Mapping[str, int]) -> bytes:
    """Return the links of a record as a document has them: its own address, that of its page, and the lists of what names it,
    by collection.
    """
    path = f"{PLURALS[TYPE_OF_PREFIX[record_id[:3]]]}/{record_id}"
    lists = ",".join(
        [
            f'"{collection}":"\x7f/v1/{collection}?refers_to={record_id}"'
            for collection, number in referred_by.items()
            if number
        ]
    )
    return f'{{"self":"\x7f/v1/{path}","html":"\x7f/{path}","referred_by":{{{lists}}}}}'.encode()


def without_marks(json: bytes) -> bytes:
    """Return JSON in which no text can be taken for a mark."""
    return json.replace(MARK, _ESCAPED)


def with_marks(document: bytes) -> bytes:
    """Return a document with its addresses of files marked: those of a source that begin at the root."""
    return document.replace(_FILE, _FILE.replace(b'"/', b'"' + MARK + b"/"))


def placed(documents: bytes, base: str, *, has_pages: bool) -> bytes:
    """Return documents with their addresses, given that of the root: where there are no pages for people, records have none."""
    if not has_pages:
        documents = _PAGE.sub(b'"html":null', documents)
    return documents.replace(MARK, base.encode("latin-1"))


def read_stored(document: bytes) -> dict[str, Any]:
    """Return a document as it is stored, read; its addresses begin at the root."""
    return orjson.loads(document.replace(MARK, b""))  # type: ignore[no-any-return]
