"""Which records of an archive file are under embargo, and until when."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from pydantic import ValidationError

from service.archive.dates import parse_day
from service.archive.model import RECORD_MODELS, Access
from service.archive.reading import Item, read_archive
from service.errors import ArchiveUnreadable


@dataclass(frozen=True, slots=True, order=True)
class Embargo:
    """A record that is published from `until` on."""

    until: date
    record: str


def embargoes(path: Path) -> Iterator[Embargo]:
    """Yield every embargo of an archive file in the order of its records, also embargoes that have ended.

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
        if access.visibility == "embargoed" and access.embargo_until is not None:
            yield Embargo(parse_day(access.embargo_until), str(piece.value.get("id")))


_REMEDY = "See: testimony-archive check"
