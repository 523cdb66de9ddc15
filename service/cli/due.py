"""`testimony-archive due`."""

from datetime import date, datetime
from typing import Annotated

import typer

from service.archive.access import Due, Occasion, due_days
from service.cli.opening import predecessor_in, today
from service.cli.output import one_line, print_json, print_line
from service.cli.parameters import ArchiveFile, AsJson, DataFolder
from service.settings import read_settings

_TOLD: dict[Occasion, str] = {
    "embargo": "embargo ends",
    "expiry": "consent expires",
    "review": "consent to be reviewed",
}


def due_command(
    archive: ArchiveFile,
    *,
    by: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Also what comes due until this day.")
    ] = None,
    data: DataFolder = None,
    json: AsJson = False,
) -> None:
    """List embargoes that have ended, consents that have expired, and consents to be reviewed, the earliest first.

    The next `publish` shows the first and leaves out the second. An embargo is listed until the record is published, a consent
    until the archive states another day.

    Example: testimony-archive due my.json --by 2027-01-31
    """
    day, settings = today(), read_settings(data=data)
    until = max(day, by.date()) if by else day
    with predecessor_in(settings.data if settings.data.is_dir() else None) as predecessor:
        published = set() if predecessor is None else set(predecessor.public_ids())
    found = sorted(each for each in due_days(archive) if each.on <= until and not _is_done(each, published))
    if json:
        print_json([_as_json(each, day, published) for each in found])
        return
    for each in found:
        print_line(f"{each.on}\t{one_line(each.record)}\t{_when(each.on, day)}\t{_told(each, day, published)}")
    if not found:
        print_line(
            f"{archive}: by {until}, no embargo ends that is not published already, and no consent expires or is to be reviewed"
        )


def _is_done(due: Due, published: set[str]) -> bool:
    return due.occasion == "embargo" and due.record in published


def _as_json(due: Due, day: date, published: set[str]) -> dict[str, object]:
    return {
        "id": due.record,
        "what": due.occasion,
        "until": str(due.on),
        "due": due.on <= day,
        "published": due.record in published,
    }


def _told(due: Due, day: date, published: set[str]) -> str:
    told = _TOLD[due.occasion]
    # Until the next publication, readers still see what nobody consents to any more.
    is_shown = due.occasion == "expiry" and due.on <= day and due.record in published
    return f"{told}: the current release still shows the record" if is_shown else told


def _when(day: date, today: date) -> str:
    days = (day - today).days
    return "due" if days <= 0 else f"in {days} day{'s' * (days != 1)}"
