"""Addresses in documents. Documents are written when a release is published, when nobody knows yet where it is served.

So they hold addresses that begin with `MARK` in place of scheme, host and root path: a slash written as JSON allows but
our writer never does, right after a quotation mark. No text of a record can look like it, and whoever reads the JSON of a
document as it is stored gets the path alone.
"""

import re
from collections.abc import Mapping

from service.archive.identifiers import PLURALS, TYPE_OF_PREFIX

#: How an address begins in a document as it is stored.
MARK = rb'"\/'

# The key and the beginning of a file's address. In a text, quotation marks are escaped.
_FILE = b'"href":"/v1/sources/'
_PAGE = re.compile(rb'"html":"\\/[^"]*"')


def links_of(record_id: str, referred_by: Mapping[str, int]) -> bytes:
    """Return the links of a record as a document has them: its own address, that of its page, and the lists of what names it,
    by collection.
    """
    path = f"{PLURALS[TYPE_OF_PREFIX[record_id[:3]]]}/{record_id}"
    lists = ",".join(
        [
            rf'"{collection}":"\/v1/{collection}?refers_to={record_id}"'
            for collection, number in referred_by.items()
            if number
        ]
    )
    return rf'{{"self":"\/v1/{path}","html":"\/{path}","referred_by":{{{lists}}}}}'.encode()


def with_marks(document: bytes) -> bytes:
    """Return a document with its addresses of files marked: those of a source that begin at the root."""
    return document.replace(_FILE, _FILE.replace(b'"/', MARK))


def placed(documents: bytes, base: str, *, has_pages: bool) -> bytes:
    """Return documents with their addresses, given that of the root: where there are no pages for people, records have none."""
    if not has_pages:
        documents = _PAGE.sub(b'"html":null', documents)
    return documents.replace(MARK, b'"%b/' % base.encode("latin-1"))
