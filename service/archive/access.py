"""Who may see a record on which day: visibility, embargo and consent; and the days on which that changes or is to be asked.

Days are those of UTC. `is_public` is the one answer to whether a record may be published: checks, publishing and editing
all go by it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from service.archive.dates import parse_day
from service.archive.model import RECORD_MODELS, Access, Consent
from service.archive.reading import Item, read_archive
from service.errors import ArchiveUnreadable

#: What comes due: an embargo ends, a consent expires, a consent is to be reviewed.
Occasion = Literal["embargo", "expiry", "review"]


def is_public(access: Access, *, today: date) -> bool:
    """Tell whether a record may be published: it is public, or under an embargo that ended on or before `today`, and what
    was consented to does not stand against it.
    """
    if access.consent is not None and not permits_publishing(access.consent, today=today):
        return False
    if access.visibility == "embargoed" and access.embargo_until is not None:
        return parse_day(access.embargo_until) <= today
    return access.visibility == "public"


def permits_publishing(consent: Consent, *, today: date) -> bool:
    """Tell whether a consent covers publishing, as far as its scope is stated, and expires after `today` if ever."""
    if consent.scope and "publish" not in consent.scope:
        return False
    return consent.expires is None or parse_day(consent.expires) > today


@dataclass(frozen=True, slots=True, order=True)
class Due:
    """A day on which something is to be done about a record."""

    on: date
    record: str
    occasion: Occasion


def due_days(path: Path) -> Iterator[Due]:
    """Yield every such day of an archive file in the order of its records, also days that have passed.

    Raises ArchiveUnreadable where the file cannot be read, or where an `access` in it is not valid.
    """
    for piece in read_archive(path):
        if not isinstance(piece, Item):
            raise ArchiveUnreadable(f"{path} is not sound ({piece.pointer or 'as a whole'}: {piece.code}). {_REMEDY}")
        if piece.kind not in RECORD_MODELS or not isinstance(piece.value, dict):
            continue
        try:
            access = Access.model_validate(piece.value.get("access", {}))
        except ValidationError:
            raise ArchiveUnreadable(f"{path}: an access is not valid ({piece.place}). {_REMEDY}") from None
        for occasion, day in _days_of(access):
            yield Due(parse_day(day), str(piece.value.get("id")), occasion)


def _days_of(access: Access) -> Iterator[tuple[Occasion, str]]:
    if access.visibility == "embargoed" and access.embargo_until is not None:
        yield "embargo", access.embargo_until
    if access.consent is not None and access.consent.expires is not None:
        yield "expiry", access.consent.expires
    if access.consent is not None and access.consent.review is not None:
        yield "review", access.consent.review


_REMEDY = "See: testimony-archive check"
