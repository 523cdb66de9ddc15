"""Maps: what each column of a stranger's table becomes. Read from TOML, or suggested from the table itself."""

import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import tomli_w
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from service.archive.dates import DateError, parse_edtf
from service.archive.fields import archive_fields
from service.archive.identifiers import RecordType
from service.archive.words import folded
from service.bringing.foreign import BETWEEN, ForeignRow, Reading
from service.bringing.points import Point, point_of, read_point
from service.errors import BringRefused

#: What an own field may hold.
Kind = Literal["text", "term", "number", "boolean", "date", "url", "reference"]
#: What is made of a label that no record has yet. The name of a person is kept, unpublished, until an editor says otherwise.
Make = Literal["place", "topic", "organisation", "group", "person"]

_NUMBER = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?|[+-]?\d{1,3}(\.\d{3})+,\d+|[+-]?\d+([.,]\d+)?")
_ADDRESS = re.compile(r"https?://\S+")
_SLASHES = re.compile(r"(\d{1,2})[./-](\d{1,2})[./-](\d{4})")
_LATITUDE = re.compile(r"(.*_)?(lat|latitude|latitud|breitengrad|breite|широта)")
_LONGITUDE = re.compile(r"(.*_)?(lon|lng|long|longitude|longitud|längengrad|lange|laengengrad|länge|долгота)")
_POINT = re.compile(r"geo|coord|koord|gps|point|punto|точк|коорд|lat.*lon")
#: What columns are called that are fields of the format, in the languages of the pages and in German.
_NAMED: dict[str, tuple[str, ...]] = {
    "title": (
        *("title", "headline", "titulo", "título", "titel", "titre", "название", "заголовок", "назва", "العنوان"),
        *("name", "label", "summary"),
    ),
    "date": (
        *("date", "when", "date_of_incident", "incident_date", "event_date", "date_of_event", "fecha", "datum", "дата"),
        "التاريخ",
    ),
    "summary": (
        *(
            "description",
            "summary",
            "text",
            "descripcion",
            "descripción",
            "resumen",
            "beschreibung",
            "résumé",
            "resume",
        ),
        *("описание", "опис", "الوصف"),
    ),
    "place": (
        *("place", "city", "location", "town", "lugar", "ciudad", "ort", "stadt", "lieu", "ville", "место", "город"),
        *("місце", "місто", "المكان", "المدينة"),
    ),
    "topics": (
        "topic",
        "topics",
        "subject",
        "subjects",
        "tema",
        "temas",
        "thema",
        "themen",
        "sujet",
        "sujets",
        "тема",
        "темы",
    ),
}
#: Columns that tell who somebody is, or how to reach them: never published unless a person says so.
_PERSONAL = re.compile(
    r"(.*_)?(phones?|telephone|tel|mobile|e-?mails?|contacts?|passports?|address|birthday|dob|date_of_birth|birth_?date"
    r"|victims?|witness(es)?|survivors?|perpetrators?|informants?|(full|first|last|family|given)_?names?|names?|surnames?"
    r"|nombres?|apellidos?|tel[eé]fono|correo|v[ií]ctimas?|testigos?|telefon|anschrift|vorname|nachname|opfer|zeugen?"
    r"|noms?|pr[eé]noms?|victimes?|t[eé]moins?|имя|имена|фамилия|фио|телефон|адрес|почта|свидетел[ьи]|ім'?я|прізвище)"
)
#: A column whose values repeat so is one of terms: at most so many, each used more than once on average.
_MOST_TERMS, _LONGEST_TERM = 200, 60


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


def map_text(suggested: Map) -> str:
    """Return a map as TOML, for a person to look through."""
    text = tomli_w.dumps(suggested.model_dump(exclude_defaults=True))
    return (
        "# What each column becomes. Look it through, change what is wrong, then: bring table FILE --into DIR --map THIS\n"
        "# `private.` stands before what is kept and never published.\n"
    ) + text.replace("[point]\n", f"[point]\n{_OF_POINTS}")


_OF_POINTS = """# A point can be somebody's home. Say how far off points may be, in metres, and they are published no finer than that;
# without it they are kept, and never published.
# radius_m = 1000
"""


# --- Suggesting ----------------------------------------------------------------------------------------------------------


@dataclass
class _Seen:
    """What was seen of one column."""

    count: int = 0
    values: Counter[str] = field(default_factory=Counter)
    is_many: bool = False
    longest: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    #: Cells that hold a latitude and a longitude, and of those the ones with a fraction in both, which no list of numbers is.
    points: int = 0
    fractions: int = 0

    def holds(self, kind: str) -> bool:
        """Tell whether there is nothing of another kind."""
        return self.kinds[kind] == self.kinds.total()

    def see(self, text: str) -> None:
        self.count += 1
        if (point := read_point(text)) is not None:
            self.points += 1
            self.fractions += not (point.latitude.is_integer() or point.longitude.is_integer())
        parts = [part.strip() for part in text.split(BETWEEN) if part.strip()] if BETWEEN in text else [text]
        self.is_many |= len(parts) > 1
        self.longest = max(self.longest, *(len(part) for part in parts), 0)
        for part in parts:
            self.kinds[_kind(part)] += 1
            if len(self.values) <= 10_000 or part in self.values:
                self.values[part] += 1

    @property
    def is_terms(self) -> bool:
        distinct = len({folded(value) for value in self.values})
        few = distinct <= _MOST_TERMS and 2 * distinct <= self.kinds.total()
        return self.longest <= _LONGEST_TERM and (few or any("::" in value for value in self.values))


def suggest(
    rows: Iterable[ForeignRow],
    *,
    record: RecordType = "event",
    language: str = "und",
    reading: Reading = Reading(),  # noqa: B008 - it is frozen
    only_own: bool = False,
) -> Map:
    """Return a map for a table, from the names of its columns and from what stands in them. It is a guess, to be looked at.

    With `only_own` no column but the title becomes a field of the format.
    """
    seen: dict[str, _Seen] = {}
    total = 0
    for row in rows:
        total += 1
        for name, text in row.cells.items():
            seen.setdefault(name, _Seen()).see(text)
    if not seen:
        raise BringRefused("the table has no row")
    names = {name: _plain(name) for name in seen}
    keys = [name for name, plain in names.items() if plain in ("id", "key", "identifier", "sharedid", "number")]
    unique = [name for name in keys if len(seen[name].values) == total]
    title = _title(seen, names)
    point = _points(seen, names)
    columns: dict[str, ColumnMap] = {}
    for name in [title, *(name for name in seen if name != title and (point is None or name not in point.columns))]:
        is_key = name in unique[:1] and name != title
        fields = {each.name for each in archive_fields()[record].fields} if not only_own else {"title"}
        column = _column(names[name], seen[name], fields, is_title=name == title, is_key=is_key, record=record)
        if any(column.field == each.field for each in columns.values()):  # what another is already, it is beside it
            own = own_name(f"{names[name]} {len(columns)}", record)
            is_private = (column.field or "").startswith("private.")
            column = ColumnMap(field=f"private.{own}") if is_private else _own(own, names[name], seen[name])
        columns[name] = column
    columns = {name: columns[name] for name in seen if name in columns}
    constants: dict[str, Any] = {"type": "other"} if record == "event" else {}
    key = unique[:1] or [title]
    first, last = reading.header or (1, 1)
    return Map(
        record=record,
        sheet=reading.sheet,
        header=[] if last == 1 else [first] if first == last else [first, last],
        encoding=reading.encoding,
        key=key,
        language=language,
        constants=constants,
        columns=columns,
        point=point,
    )


def _points(seen: dict[str, _Seen], names: dict[str, str]) -> Points | None:
    """Return the columns of points: the first that are named like some and mostly hold some."""
    numbers = {
        name: plain for name, plain in names.items() if 2 * seen[name].kinds["number"] >= seen[name].kinds.total()
    }
    latitudes = [name for name, plain in numbers.items() if _LATITUDE.fullmatch(plain)]
    longitudes = [name for name, plain in numbers.items() if _LONGITUDE.fullmatch(plain)]
    if latitudes and longitudes:
        return Points(latitude=latitudes[0], longitude=longitudes[0])
    pairs = [name for name, plain in names.items() if _are_points(plain, seen[name])]
    return Points(column=pairs[0]) if pairs else None


def _are_points(plain: str, seen: _Seen) -> bool:
    """Tell whether a column holds points: half of those that are named so, nine in ten of others."""
    return 2 * seen.points >= seen.count if _POINT.search(plain) else 10 * seen.fractions >= 9 * seen.count


def _title(seen: dict[str, _Seen], names: dict[str, str]) -> str:
    for wanted in _NAMED["title"]:
        for name, plain in names.items():
            if plain == wanted or plain.startswith(f"{wanted}__"):
                return name
    # Else the column in which the fewest values are alike: of words before numbers, of short ones before long ones.
    public = {name: each for name, each in seen.items() if not _PERSONAL.fullmatch(names[name])} or seen
    return max(public, key=lambda name: (seen[name].holds("text"), len(seen[name].values), -seen[name].longest))


def _column(  # noqa: PLR0911 - one way out for each guess
    plain: str, seen: _Seen, fields: set[str], *, record: RecordType, is_title: bool, is_key: bool
) -> ColumnMap:
    many = BETWEEN if seen.is_many else None
    if is_title:
        return ColumnMap(field="title" if "title" in fields else "name")
    if is_key and "identifiers" in fields:
        return ColumnMap(field="identifiers", scheme=plain)
    if (
        _are_points(plain, seen)
        or _LATITUDE.fullmatch(plain)
        or _LONGITUDE.fullmatch(plain)
        or _PERSONAL.fullmatch(plain)
    ):
        return ColumnMap(field=f"private.{own_name(plain, record)}")
    kind = seen.kinds.most_common(1)[0][0]
    is_date = kind in ("date", "slashes") and seen.kinds[kind] >= 0.9 * seen.kinds.total()
    if plain in _NAMED["date"] and "date" in fields and is_date:
        return ColumnMap(field="date", date=_order(seen) if kind == "slashes" else None)
    if plain in _NAMED["summary"] and "summary" in fields:
        return ColumnMap(field="summary")
    if plain == "tags" and "tags" in fields:
        return ColumnMap(field="tags", many=many or BETWEEN)
    if plain in _NAMED["place"] and "place" in fields and not seen.is_many:
        return ColumnMap(field="place", make="place")
    if plain in _NAMED["topics"] and "topics" in fields:
        return ColumnMap(field="topics", many=many or BETWEEN, make="topic")
    return _own(own_name(plain, record), plain, seen)


def _own(own: str, plain: str, seen: _Seen) -> ColumnMap:
    """Return an own field that holds what the column does."""
    many = BETWEEN if seen.is_many else None
    label = plain.replace("_", " ").strip().capitalize()
    field = f"custom.{own}"
    kind = seen.kinds.most_common(1)[0][0]
    if kind in ("date", "slashes") and seen.holds(kind):  # else a text, so that nothing is lost
        order = _order(seen) if kind == "slashes" else None
        return ColumnMap(field=field, label=label, kind="date", many=many, date=order)
    if seen.holds("number"):
        return ColumnMap(field=field, label=label, kind="number", many=many, decimal=_decimal(seen))
    if seen.holds("address"):
        return ColumnMap(field=field, label=label, kind="url", many=many)
    if seen.is_terms and kind not in ("date", "slashes"):
        return ColumnMap(field=field, label=label, kind="term", vocabulary=own, many=many)
    return ColumnMap(field=field, label=label, kind="text", many=many)


def own_name(plain: str, record: RecordType) -> str:
    """Return the name of an own field, which is none that the format has."""
    name = re.sub(r"[^a-z0-9]+", "_", plain).strip("_")[:40] or "column"
    name = name if name[0].isalpha() else f"c_{name}"
    taken = {"id", *(each.name for each in archive_fields()[record].fields)}
    return f"{name}_stated" if name in taken else name


def _plain(name: str) -> str:
    return re.sub(r"\s+", "_", folded(name).strip())


def _kind(text: str) -> str:
    if _SLASHES.fullmatch(text):
        return "slashes"
    if _ADDRESS.fullmatch(text):
        return "address"
    if _is_date(text) and "-" in text:
        return "date"
    return "number" if _NUMBER.fullmatch(text) else "text"


def _is_date(text: str) -> bool:
    try:
        parse_edtf(text)
    except DateError:
        return False
    return True


def _decimal(seen: _Seen) -> Literal[".", ","] | None:
    """Return what stands before the fraction, where a value tells: 1,5 does, 1,500 does not."""
    for value in seen.values:
        if found := re.search(r"[.,]\d*$", value):
            sign, digits = found.group()[0], len(found.group()) - 1
            if digits != 3 or ({".", ","} <= set(value)):
                return "," if sign == "," else "."
            if value.count(sign) > 1:
                return "." if sign == "," else ","
    return None


def _order(seen: _Seen) -> Literal["day-first", "month-first"]:
    """Return which of day and month comes first, where a value tells; day first, to be looked at, where none does."""
    for value in seen.values:
        if (found := _SLASHES.fullmatch(value)) is not None and int(found.group(2)) > 12:
            return "month-first"
    return "day-first"
