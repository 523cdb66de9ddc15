"""Maps suggested from a table: from what its columns are called, and from what stands in them. A guess, for people to look at."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import Any, Literal

import tomli_w

from service.archive.dates import DateError, parse_edtf
from service.archive.fields import archive_fields
from service.archive.identifiers import RecordType
from service.archive.words import folded
from service.bringing.foreign import BETWEEN, ForeignRow, Reading
from service.bringing.maps import ColumnMap, Map, Points
from service.bringing.points import read_point
from service.errors import BringRefused

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
        *("label", "summary"),
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
#: What may stand between several values of one cell, the surest first, and how long these are.
_SEPARATORS = (BETWEEN, "\n", ";", ",")
_LONGEST_OF_MANY = 40
#: What columns are called that number rows.
_NUMBERS = frozenset(
    """
    id key identifier sharedid shared_id number no nr case case_no case_id case_number record_number reference ref caso expediente
    folio aktenzeichen fall fallnummer numero dossier номер дело №
    """.split()
)


def map_text(suggested: Map) -> str:
    """Return a map as TOML, for a person to look through."""
    text = tomli_w.dumps(suggested.model_dump(exclude_defaults=True)).replace("[point]\n", f"[point]\n{_OF_POINTS}")
    return _OF_MAPS + _OF_LANGUAGES * (suggested.language == "und") + _OF_KEYS * (not suggested.key) + text


_OF_MAPS = """# What each column becomes. Look it through, change what is wrong, then: bring table FILE --into DIR --map THIS
# `private.` stands before what is kept and never published.
"""
_OF_LANGUAGES = """# The language of the texts:
# language = "en"
"""
_OF_KEYS = """# No columns tell rows apart, so their numbers do: rows that are added later should stand at the end.
"""
_OF_POINTS = """# A point can be somebody's home. Say how far off points may be, in metres, and they are published no finer than that;
# without it they are kept, and never published.
# radius_m = 1000
"""


class _Seen:
    """What stands in one column: its cells, each divided into the values that it holds."""

    def __init__(self, cells: Sequence[str], separators: Sequence[str]) -> None:
        self.count = len(cells)
        self.between = next((each for each in separators if _divides(each, cells)), None)
        parts = [part.strip() for cell in cells for part in (cell.split(self.between) if self.between else [cell])]
        self.values = Counter(part for part in parts if part)
        self.longest = max(map(len, self.values), default=0)
        self.kinds: Counter[str] = Counter()
        for value, count in self.values.items():
            self.kinds[_kind(value)] += count
        points = [point for cell in cells if (point := read_point(cell)) is not None]
        #: Cells that hold a latitude and a longitude, and of those the ones with a fraction in both, which no list of numbers is.
        self.points = len(points)
        self.fractions = sum(not (each.latitude.is_integer() or each.longitude.is_integer()) for each in points)

    def holds(self, kind: str) -> bool:
        """Tell whether there is nothing of another kind."""
        return self.kinds[kind] == self.kinds.total()

    @property
    def is_terms(self) -> bool:
        distinct = len({folded(value) for value in self.values})
        few = distinct <= _MOST_TERMS and 2 * distinct <= self.kinds.total()
        return self.longest <= _LONGEST_TERM and (few or any("::" in value for value in self.values))

    @property
    def dates(self) -> Literal["date", "slashes"]:
        """In which of two ways days are written."""
        return "date" if self.kinds["date"] >= self.kinds["slashes"] else "slashes"

    def are_words(self, least: int) -> bool:
        """Tell whether most values are some words at least, as titles are."""
        many = sum(value.count(" ") >= least - 1 and value[0].isalpha() for value in self.values)
        return 2 * many >= len(self.values)


def _divides(separator: str, cells: Sequence[str]) -> bool:
    """Tell whether a character stands between values: a bar always does; what also stands in sentences, where the values are
    short and come again.
    """
    with_it = [cell for cell in cells if separator in cell]
    if separator == BETWEEN or not with_it:
        return bool(with_it)
    parts = [part.strip() for cell in cells for part in cell.split(separator) if part.strip()]
    if separator == "\n":
        return all(_ADDRESS.fullmatch(part) for part in parts)
    is_short = all(len(part) <= _LONGEST_OF_MANY and part.count(" ") <= 2 for part in parts)
    return is_short and len(with_it) > 1 and 2 * len({folded(part) for part in parts}) <= len(parts)


def suggest(
    rows: Iterable[ForeignRow],
    *,
    record: RecordType = "event",
    language: str = "und",
    reading: Reading = Reading(),  # noqa: B008 - it is frozen
    only_own: bool = False,
) -> Map:
    """Return a map for a table. With `only_own` no column but the title becomes a field of the format, and only a bar divides."""
    cells: dict[str, list[str]] = {}
    table = [row.cells for row in rows]
    for row in table:
        for name, text in row.items():
            cells.setdefault(name, []).append(text)
    if not cells:
        raise BringRefused("the table has no row")
    separators = (BETWEEN,) if only_own else _SEPARATORS
    seen = {name: _Seen(those, separators) for name, those in cells.items()}
    names = {name: _plain(name) for name in seen}
    title = _title(seen, names)
    point = _points(seen, names)
    number = next((name for name, plain in names.items() if plain in _NUMBERS and _tells_apart([name], table)), None)
    fields = {each.name for each in archive_fields()[record].fields} if not only_own else {"title"}
    columns: dict[str, ColumnMap] = {}
    for name in [title, *(name for name in seen if name != title and (point is None or name not in point.columns))]:
        if name == title:
            column = ColumnMap(field="title" if "title" in fields else "name")
        elif name == number and "identifiers" in fields:
            column = ColumnMap(field="identifiers", scheme=name)
        else:
            column = _column(name, seen[name], fields, record)
        if any(column.field == each.field for each in columns.values()):  # what another is already, it is beside it
            own = own_name(f"{names[name]} {len(columns)}", record)
            is_private = (column.field or "").startswith("private.")
            column = ColumnMap(field=f"private.{own}") if is_private else _own(own, name, seen[name])
        columns[name] = column
    first, last = reading.header or (1, 1)
    return Map(
        record=record,
        sheet=reading.sheet,
        header=[] if last == 1 else [first] if first == last else [first, last],
        encoding=reading.encoding,
        key=[number] if number is not None else _key(title, columns, table),
        language=language,
        constants={"type": "other"} if record == "event" else {},
        columns={name: columns[name] for name in seen if name in columns},
        point=point,
    )


def _key(title: str, columns: dict[str, ColumnMap], table: list[dict[str, str]]) -> list[str]:
    """Return the fewest columns that tell rows apart: the title, with the date, with the place. None where they don't."""
    more = [name for field in ("date", "place") for name, column in columns.items() if column.field == field]
    tried = accumulate(([title], *([name] for name in more)))
    return next((names for names in tried if _tells_apart(names, table)), [])


def _tells_apart(names: list[str], table: list[dict[str, str]]) -> bool:
    keys = [tuple(row.get(name, "") for name in names) for row in table]
    return len(set(keys)) == len(keys) and all(any(key) for key in keys)


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
            if plain.endswith(wanted) or plain.startswith(f"{wanted}__"):
                return name
    # Else the column whose values are words and are alike the least: of short ones before long ones.
    public = {name: each for name, each in seen.items() if not _PERSONAL.fullmatch(names[name])} or seen

    def likely(name: str) -> tuple[bool, bool, bool, bool, int, int]:
        each = public[name]
        is_one = each.between is None
        return each.are_words(3), each.are_words(2), each.holds("text"), is_one, len(each.values), -each.longest

    return max(public, key=likely)


def _column(name: str, seen: _Seen, fields: set[str], record: RecordType) -> ColumnMap:
    plain = _plain(name)
    if _are_points(plain, seen) or any(each.fullmatch(plain) for each in (_LATITUDE, _LONGITUDE, _PERSONAL)):
        return ColumnMap(field=f"private.{own_name(plain, record)}")
    return _of_the_format(plain, seen, fields) or _own(own_name(plain, record), name, seen)


def _of_the_format(plain: str, seen: _Seen, fields: set[str]) -> ColumnMap | None:
    """Return the field of the format that a column is by its name, if it is one."""
    # An event's date keeps what is none as a note.
    if plain in _NAMED["date"] and "date" in fields and 2 * seen.kinds[seen.dates] >= seen.kinds.total():
        return ColumnMap(field="date", date=_order(seen) if seen.kinds["slashes"] else None)
    if plain in _NAMED["summary"] and "summary" in fields:
        return ColumnMap(field="summary")
    if plain == "tags" and "tags" in fields:
        return ColumnMap(field="tags", many=seen.between or BETWEEN)
    if plain in _NAMED["place"] and "place" in fields and seen.between is None:
        return ColumnMap(field="place", make="place")
    if plain in _NAMED["topics"] and "topics" in fields:
        return ColumnMap(field="topics", many=seen.between or BETWEEN, make="topic")
    return None


def _own(own: str, name: str, seen: _Seen) -> ColumnMap:
    """Return an own field that holds what the column does."""
    more: dict[str, Any] = {"field": f"custom.{own}", "label": name, "many": seen.between}
    kinds = seen.kinds
    if kinds["date"] + kinds["slashes"] == kinds.total():  # else a text, so that nothing is lost
        return ColumnMap(kind="date", date=_order(seen) if kinds["slashes"] else None, **more)
    if seen.holds("number"):
        return ColumnMap(kind="number", decimal=_decimal(seen), **more)
    if seen.holds("address"):
        return ColumnMap(kind="url", **more)
    if seen.is_terms and not kinds["date"] + kinds["slashes"]:
        return ColumnMap(kind="term", vocabulary=own, **more)
    return ColumnMap(kind="text", **more)


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
