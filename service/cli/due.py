"""`testimony-archive due`."""

from datetime import date, datetime
from typing import Annotated

import typer

from service.archive.embargoes import embargoes
from service.cli.opening import current_release, today
from service.cli.output import one_line, print_json, print_line
from service.cli.parameters import ArchiveFile, AsJson, DataFolder
from service.settings import read_settings


def due_command(
    archive: ArchiveFile,
    *,
    by: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Also what comes due until this day.")
    ] = None,
    data: DataFolder = None,
    json: AsJson = False,
) -> None:
    """List records whose embargo has ended and that the next `publish` will show, the earliest first.

    Example: testimony-archive due my.json --by 2027-01-31
    """
    day, settings = today(), read_settings(data=data)
    until = max(day, by.date()) if by else day
    with current_release(settings.data if settings.data.is_dir() else None) as release:
        published = set() if release is None else set(release.public_ids())
    found = sorted(each for each in embargoes(archive) if each.until <= until and each.record not in published)
    if json:
        print_json([{"id": each.record, "until": str(each.until), "due": each.until <= day} for each in found])
        return
    for each in found:
        print_line(f"{each.until}\t{one_line(each.record)}\t{_when(each.until, day)}")
    if not found:
        print_line(f"{archive}: no embargo ends by {until} that is not published already")


def _when(day: date, today: date) -> str:
    days = (day - today).days
    return "due" if days <= 0 else f"in {days} day{'s' * (days != 1)}"
