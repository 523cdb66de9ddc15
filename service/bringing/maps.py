"""Maps: what each column of a stranger's table becomes, as TOML that people write."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from service.archive.identifiers import RecordType
from service.bringing.foreign import Reading
from service.bringing.points import Point, point_of, read_point
from service.errors import BringRefused

#: What an own field may hold.
Kind = Literal["text", "term", "number", "boolean", "date", "url", "reference"]
#: What is made of a label that no record has yet. The name of a person is kept, unpublished, until an editor says otherwise.
Make = Literal["place", "topic", "organisation", "group", "person"]


class ColumnMap(BaseModel):
    """What a column becomes: a field of the format, an own field (`custom.NAME`), something that is kept and never published
    (`private.NAME`), or nothing, which then has a reason.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    field: str | None = None
    leave: str | None = None
    #: Of an own field: what people read, what it holds, and of a term from which vocabulary.
    label: str | None = None
    kind: Kind | None = None
    vocabulary: str | None = None
    #: What stands between several values in one cell.
    many: str | None = None
    #: How days are written that are not written year first.
    date: Literal["day-first", "month-first"] | None = None
    #: What becomes of a label that no record has.
    make: Make | None = None
    #: Values that are written in another way in the archive.
    values: dict[str, str] = {}
    #: The language of a text that is a translation.
    language: str | None = None
    #: Of numbers, what stands before the fraction; the other one of the two then groups digits.
    decimal: Literal[".", ","] | None = None
    #: Of identifiers, whose they are.
    scheme: str | None = None
    #: Of references in an own field, to which types of record.
    to: list[RecordType] = []


class Points(BaseModel):
    """The columns that hold the point of a row, one each or both in one, and how far off it may be."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    latitude: str | None = None
    longitude: str | None = None
    column: str | None = None
    #: Metres. Without it points are kept, and never published.
    radius_m: float | None = Field(default=None, gt=0, allow_inf_nan=False)

    @model_validator(mode="after")
    def _are_both(self) -> "Points":
        if (self.column is None) == (self.latitude is None) or (self.latitude is None) != (self.longitude is None):
            raise ValueError("name a column for `latitude` and one for `longitude`, or one `column` for both")
        return self

    @property
    def columns(self) -> list[str]:
        """The columns that hold a part of it."""
        return [name for name in (self.latitude, self.longitude, self.column) if name is not None]

    def of(self, cells: Mapping[str, str]) -> tuple[str, Point | None]:
        """Return what a row says of its point, as it is written and as a point."""
        if self.column is not None:
            text = cells.get(self.column, "")
            return text, read_point(text)
        latitude, longitude = cells.get(self.latitude or "", ""), cells.get(self.longitude or "", "")
        return "|".join(filter(None, (latitude, longitude))), point_of(latitude, longitude)


class Map(BaseModel):
    """What a table becomes: a record for each row."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    record: RecordType = "event"
    #: How the table is read: which sheet of a workbook, the rows that the names of its columns stand in, and the encoding.
    sheet: str | None = None
    header: list[int] = Field(default=[], max_length=2)
    encoding: str | None = None
    #: The columns whose values together name a row: the same row is then updated when it is brought again.
    key: list[str] = []
    #: The language that texts are in (BCP 47).
    language: str = "und"
    #: What is said of the table as a source, such as its title, rights and publisher.
    source: dict[str, Any] = {}
    #: Fields that every record has, such as the type of an event.
    constants: dict[str, Any] = {}
    columns: dict[str, ColumnMap]
    point: Points | None = None
    #: Own vocabularies, as the head has them: what is written here is known.
    vocabularies: dict[str, dict[str, Any]] = Field(default={})

    @property
    def reading(self) -> Reading:
        """How the table is read."""
        header = (self.header[0], self.header[-1]) if self.header else None
        return Reading(self.sheet, header, self.encoding)


def read_map(path: Path) -> Map:
    """Return the map in a file. Raises BringRefused where it is none, and says which entry is wrong."""
    try:
        with path.open("rb") as file:
            return Map.model_validate(tomllib.load(file))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BringRefused(f"{path} is no sound TOML: {error}") from None
    except ValidationError as invalid:
        first = invalid.errors(include_url=False)[0]
        where = ".".join(str(step) for step in first["loc"])
        raise BringRefused(f"{path}, {where}: {first['msg']}") from None
