"""The releases that an archive was ever published as, from the newest down: what their statements say. Knows no HTTP."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from service.catalogue.cursor import CURSOR_LENGTH, decode_parts, encode_parts, not_ours
from service.catalogue.parameters import Parameters, whole_number
from service.release.opening import Release
from service.release.statements import Link

#: First part of a cursor into the releases: no cursor into another list begins so.
_KIND = "releases"


class ReleaseCriteria(Parameters):
    """Which part of the list of releases is shown, and how."""

    limit: Annotated[int, Field(ge=1, le=200, description="Releases on a page."), BeforeValidator(whole_number)] = 20
    cursor: Annotated[
        str | None,
        Field(
            pattern=rf"^[A-Za-z0-9_-]{{1,{CURSOR_LENGTH}}}$",
            description="Where the page begins: follow `links.next`.",
        ),
    ] = None
    format: Annotated[
        Literal["json", "ndjson"] | None,
        Field(description="ndjson: every statement, a line each, byte for byte, the oldest first. Before Accept."),
    ] = None


def page_of_releases(release: Release, criteria: ReleaseCriteria) -> tuple[list[Link], str | None]:
    """Return statements from the newest down, and the cursor of the page after, if there is one. Raises InvalidCursor."""
    before = None if criteria.cursor is None else _number(criteria.cursor)
    older = [link for link in release.statements() if before is None or link.statement.number < before]
    page = older[: -criteria.limit - 1 : -1]
    more = len(older) > len(page)
    return page, encode_parts([_KIND, page[-1].statement.number]) if more else None


def _number(cursor: str) -> int:
    try:
        kind, number = decode_parts(cursor)
        if kind != _KIND or type(number) is not int:
            raise ValueError
    except ValueError:
        raise not_ours() from None
    return int(number)


def statement_of(release: Release, number: str) -> Link | None:
    """Return the statement of the release of a number, given as it stands in an address; None where there was none."""
    # As text, so that no other way to write the number finds it too.
    return next((link for link in release.statements() if str(link.statement.number) == number), None)
