"""Turns a record of the archive into its public record. This is the only place that decides what is public.

A public record is in canonical form: fields at their default left out, keys sorted when written. It is again a valid
record of the format, so that a published archive can be exported and published again.
"""

from bisect import bisect_left
from datetime import date
from functools import cache
from math import ceil, cos, radians
from typing import Any

import orjson

from service.archive.access import is_public
from service.archive.files import published_path
from service.archive.model import FORMAT, Access, Head, Place, Record, Source, Withdrawn

#: A record as published: JSON-ready, in the fields of the archive format.
PublicRecord = dict[str, Any]


def public_record(record: Record, *, today: date) -> PublicRecord | None:
    """Return what may be published of `record`, with its type under `record`, or None where nothing may."""
    if not is_public(record.access, today=today):
        return None
    public = record.model_dump(exclude_defaults=True, exclude={"access"})
    if access := public_access(record.access):
        public["access"] = access
    public["record"] = record.record
    if isinstance(record, Place) and record.latitude is not None:
        assert record.longitude is not None  # the checks hold the three together
        assert record.radius_m is not None
        public["latitude"], public["longitude"] = rounded_point(record.latitude, record.longitude, record.radius_m)
    if isinstance(record, Source) and record.files:
        _leave_out_private_files(public)
    return public


def _leave_out_private_files(source: PublicRecord) -> None:
    """Leave nothing of a source's files but the public ones. Where a file lay is nobody's business: it lies under its hash now."""
    shown = [file for file in source.pop("files") if file.get("public")]
    for file in shown:
        if "path" in file:
            file["path"] = published_path(file["sha256"])
    if shown:
        source["files"] = shown


def files_to_keep(record: Record, *, today: date) -> tuple[tuple[str, str], ...]:
    """Return the files that are published with a record: the SHA-256 of each, and where it lies beside the archive file."""
    if not isinstance(record, Source) or not record.files or not is_public(record.access, today=today):
        return ()
    return tuple((file.sha256, file.path) for file in record.files if file.public and file.path is not None)


def public_access(access: Access) -> PublicRecord:
    """Return what may be told of a public record's access: the footing, and what the consent covers until when."""
    public: PublicRecord = {}
    if access.consent_basis is not None:
        public["consent_basis"] = access.consent_basis
    if access.consent is not None and (access.consent.scope or access.consent.expires is not None):
        public["consent"] = access.consent.model_dump(exclude_defaults=True, include={"scope", "expires"})
    return public


# --- Points ---------------------------------------------------------------------------------------------------------

#: The length of one degree of a great circle in metres, on a sphere with the Earth's mean radius of 6,371,008.8 m.
DEGREE_M = 111_195.08
#: Grids are measured in millionths of a degree. That is 11 cm along a meridian, finer than any published place.
_MILLION = 1_000_000
# Cosines may differ slightly between machines. Within this tolerance they give the same grid.
_TOLERANCE = 1e-9


def rounded_point(latitude: float, longitude: float, radius_m: float) -> tuple[int | float, int | float]:
    """Return the point nearest to a place on a fixed grid whose cells are at least `radius_m` wide and high.

    The grid depends on the radius alone. So a place has the same point each time it is published or rounded; if its
    points varied, their average would give the place away. A cell is at most a third larger than `radius_m` (for radii
    of a metre and more), so the point is never further off than `radius_m` says. Its width is measured at the
    published latitude. Near the poles, where a circle of latitude is shorter than a cell, the longitude is 0.
    """
    cell = radius_m / DEGREE_M
    on_grid = _nearest(latitude, cell, limit=90)
    return on_grid, _nearest(longitude, cell / cos(radians(on_grid)), limit=180)


def _nearest(degrees: float, cell: float, *, limit: int) -> int | float:
    """Return the multiple of a step of at least `cell` degrees that is nearest to `degrees`."""
    steps = _steps(limit)
    place = bisect_left(steps, ceil(cell * _MILLION * (1 - _TOLERANCE)))
    if place == len(steps):
        return 0
    millionths = round(degrees * _MILLION / steps[place]) * steps[place]
    return millionths / _MILLION if millionths % _MILLION else millionths // _MILLION


@cache
def _steps(limit: int) -> list[int]:
    """Return every divisor of `limit` degrees, in millionths of a degree. A grid with such a step has no partial cell, and
    nothing is rounded past the poles or the antimeridian.
    """
    whole = limit * _MILLION
    small = [step for step in range(1, int(whole**0.5) + 1) if whole % step == 0]
    return sorted({*small, *(whole // step for step in small)})


# --- The whole --------------------------------------------------------------------------------------------------------


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
