"""What of a document depends on the release and on other records, and so is no part of what makes a new version."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson

from service.release.addresses import links_of, without_marks
from service.release.citing import cite_as


class Standing(NamedTuple):
    """The version of a record, and the release that it came with."""

    version: int
    number: int
    release: str
    #: When the release was published: UTC, RFC 3339, to the second.
    updated_at: str


def completed(
    body: bytes,
    record_id: str,
    *,
    standing: Standing,
    head: dict[str, Any],
    digest: str,
    referred_by: Mapping[str, int],
) -> bytes:
    """Return the document of a record, given all of it that makes a version. `digest` is that of the record's line in the
    public archive; `referred_by` counts the records that name it by collection.
    """
    cited = cite_as(
        head,
        record_id,
        version=standing.version,
        at=standing.updated_at,
        number=standing.number,
        release=standing.release,
        digest=digest,
    )
    return b'%s,"version":%d,"updated_at":"%s","cite_as":%s,"referred_by":%s,"links":%s}' % (
        body[:-1],
        standing.version,
        standing.updated_at.encode(),
        without_marks(orjson.dumps(cited)),
        orjson.dumps(referred_by),
        links_of(record_id, referred_by),
    )
