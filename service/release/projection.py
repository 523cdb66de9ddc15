"""From an archive record to its public record: the only place that decides what is public.

A public record is in canonical form: fields at their default left out, keys sorted when written. It is again a valid
record of the format, so that a published archive can be exported and published again.
"""

from datetime import date
from typing import Any

import orjson

from service.archive.dates import parse_day
from service.archive.model import FORMAT, Access, Head, Record, Withdrawn

#: A record as published: JSON-ready, in the fields of the archive format.
PublicRecord = dict[str, Any]


def is_public(access: Access, *, today: date) -> bool:
    """Tell whether a record may be published: public, or under an embargo that ended on or before `today`."""
    if access.visibility == "embargoed" and access.embargo_until is not None:
        return parse_day(access.embargo_until) <= today
    return access.visibility == "public"


def public_record(record: Record, *, today: date) -> PublicRecord | None:
    """Return what may be published of `record`, with its type under `record`, or None where nothing may."""
    if not is_public(record.access, today=today):
        return None
    public = record.model_dump(exclude_defaults=True, exclude={"access"})
    if record.access.consent_basis is not None:
        public["access"] = {"consent_basis": record.access.consent_basis}
    public["record"] = record.record
    return public


def public_head(head: Head) -> PublicRecord:
    """Return the first line of the public archive."""
    return {"format": FORMAT, "archive": head.model_dump(exclude_defaults=True)}


def public_withdrawal(withdrawn: Withdrawn) -> PublicRecord:
    """Return the line of a withdrawal: identifier and day only."""
    return {"record": "withdrawn", "id": withdrawn.id, "on": withdrawn.on}


def canonical_line(public: PublicRecord) -> bytes:
    """Return the line of `public` in the canonical form of an archive: keys sorted, no spaces, UTF-8, one line feed.

    The SHA-256 over all lines (head, records by type and identifier, withdrawals by identifier) is the release id.
    """
    return orjson.dumps(public, option=orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE)
