"""Rows of a stranger's table turned into records, as a map says."""

import re
from collections import Counter
from collections.abc import Callable, Iterable
from copy import deepcopy
from pathlib import Path
from typing import Any

from service.archive.dates import DateError, parse_edtf
from service.archive.fields import FormatField, archive_fields
from service.archive.identifiers import RECORD_TYPES, RecordType
from service.archive.progress import Progress, silent
from service.archive.words import folded
from service.bringing.brought import Brought, Reference
from service.bringing.foreign import ForeignRow, foreign_rows
from service.bringing.maps import ColumnMap, Map
from service.bringing.points import place_at
from service.errors import BringRefused

_SLASHES = re.compile(r"(\d{1,2})[./-](\d{1,2})[./-](\d{4})")
_WHOLE = re.compile(r"[+-]?\d{1,15}")
_FRACTION = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?")
#: A thousand and more in English, one and a fraction in most of Europe.
_DOUBTFUL = re.compile(r"[+-]?\d{1,3},\d{3}")
_TRUTHS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
#: Rows after which it is told how far the reading is.
_TOLD = 500
#: Under which field people know a record.
_LABEL_FIELD = {"place": "name", "topic": "label"}


class Mapping:
    """One table that is being brought by a map."""

    def __init__(
        self, brought: Brought, file: Path, how: Map, *, key_of: Callable[[ForeignRow], str] | None = None
    ) -> None:
        """`key_of` names a row, where the columns of the map's key cannot."""
        self._brought, self._file, self._how = brought, file, how
        self._key_of = key_of or (lambda row: " ".join(row.cells.get(name, "") for name in how.key) or str(row.number))
        self._fields = {each.name: each for each in archive_fields()[how.record].fields}
        self._terms: dict[str, dict[str, str]] = {}
        self._points = how.point
        #: Points that are kept and not published.
        self._kept = 0
        self._declare()

    def bring(self, rows: Iterable[ForeignRow], *, progress: Progress = silent) -> None:
        """Add a record for each row. Raises BringRefused where the map names a column that no row has, or two rows have one key."""
        title = self._file.stem
        source = self._brought.source_of(
            self._file, {"type": "dataset", "language": self._how.language, "title": title, **self._how.source}
        )
        for name, column in self._how.columns.items():
            if column.leave is not None:
                self._brought.leave(self._file, f"column {name}", "the column", column.leave)
        seen: dict[str, int] = {}
        named: set[str] = set()
        for count, row in enumerate(rows, 1):
            if count % _TOLD == 0:
                progress(f"Reading {self._file.name}", count, 0)
            named |= row.cells.keys()
            key = self._key_of(row)
            if key in seen:
                raise BringRefused(
                    f"{self._file}, rows {seen[key]} and {row.number} have one key ({', '.join(self._how.key)})"
                )
            seen[key] = row.number
            self._add(row, f"{self._file.name} {key}", source)
        self._tell_of_points()
        if unknown := named - self._how.columns.keys() - set(self._points.columns if self._points else ()):
            raise BringRefused(f"{self._file}: the map does not say what becomes of {', '.join(sorted(unknown)[:10])}")

    def _declare(self) -> None:
        for name, vocabulary in self._how.vocabularies.items():
            self._brought.vocabularies[name] = {"title": name, **vocabulary}
            self._terms[name] = {_same(term["value"]): term["value"] for term in vocabulary.get("terms", ())}
        for name, column in self._how.columns.items():
            target = column.field or ""
            if target.startswith("custom."):
                field: dict[str, Any] = {
                    "name": target.removeprefix("custom."),
                    "label": column.label or name,
                    "kind": column.kind or "text",
                }
                if column.vocabulary:
                    field["vocabulary"] = column.vocabulary
                    self._brought.vocabularies.setdefault(
                        column.vocabulary, {"title": column.label or name, "terms": []}
                    )
                if column.many:
                    field["many"] = True
                if column.to:
                    field["to"] = column.to
                self._brought.declare(self._how.record, field)
            elif column.leave is None and not target.startswith("private."):
                self._refuse_unfit(name, target)
        fields = Counter((each.field, each.language) for each in self._how.columns.values() if each.field is not None)
        for (becomes, _), count in fields.items():
            if count > 1 and becomes != "identifiers":
                raise BringRefused(f"the map gives {count} columns to `{becomes}`: one of them would be lost")
        if self._points is not None and not {"place", "latitude"} & self._fields.keys():
            raise BringRefused(f"the map has points, and no {self._how.record} has a place")

    def _refuse_unfit(self, name: str, target: str) -> None:
        if target not in self._fields:
            raise BringRefused(f"the map gives column {name} to `{target}`, which no {self._how.record} has")
        if self._fields[target].kind == "part" and target != "identifiers":
            raise BringRefused(
                f"the map gives column {name} to `{target}`, which has parts that a cell cannot hold; "
                "give it to a field of your own (custom.NAME)"
            )

    def _add(self, row: ForeignRow, key: str, source: str) -> None:
        record: dict[str, Any] = deepcopy(self._how.constants)
        custom: dict[str, Any] = {}
        private: dict[str, Any] = {}
        for name, text in row.cells.items():
            column = self._how.columns.get(name)
            if column is None or column.field is None:
                continue
            values = [part.strip() for part in text.split(column.many)] if column.many else [text]
            values = [value for value in values if value]
            if not values:
                continue
            if column.language is not None:
                record.setdefault("translations", {}).setdefault(column.language, {})[column.field] = text
            elif column.field.startswith("private."):
                private[column.field.removeprefix("private.")] = values if column.many else text
            elif column.field == "identifiers":
                scheme = column.scheme or name
                record.setdefault("identifiers", []).extend({"scheme": scheme, "value": value} for value in values)
            elif column.field.startswith("custom.") and column.kind == "reference":
                self._refer(key, row, name, values, column)
            elif column.field.startswith("custom."):
                read = [found for value in values if (found := self._own(row, name, value, column)) is not None]
                if read:
                    custom[column.field.removeprefix("custom.")] = read if column.many else read[0]
            else:
                self._put(record, row, name, values, column)
        self._place_point(record, private, row)
        if custom:
            record["custom"] = custom
        if private:
            record.setdefault("access", {}).setdefault("private", {}).update(private)
        record.setdefault("citations", [{"source": source, "note": f"Row {row.number}."}])
        self._complete(record)
        self._brought.add(self._how.record, key, record)

    def _refer(self, key: str, row: ForeignRow, name: str, labels: list[str], column: ColumnMap) -> None:
        own = (column.field or "").removeprefix("custom.")
        self._brought.references.append(
            Reference(
                record=self._brought.identifier(self._how.record, key),
                field=own,
                unfound=f"{own[:33]}_titles",
                many=bool(column.many),
                types=tuple(column.to) or RECORD_TYPES,
                labels=labels,
                file=self._file,
                where=f"row {row.number}, column {name}",
            )
        )

    def _place_point(self, record: dict[str, Any], private: dict[str, Any], row: ForeignRow) -> None:
        """Make the point of a row a place, no finer than the map says; exactly as it is written it is never published."""
        if self._points is None or not (found := self._points.of(row.cells))[0]:
            return
        written, point = found
        private["point"] = written
        if point is None:
            columns = ", ".join(self._points.columns)
            self._brought.leave(
                self._file, f"row {row.number}, column {columns}", "a point", "it is none; it is kept, unpublished"
            )
        elif (radius := self._points.radius_m) is None:
            self._kept += 1
        elif self._how.record == "place":
            at = point.rounded(radius)
            record.update(latitude=at.latitude, longitude=at.longitude, radius_m=radius)
        else:
            within = record.get("place")
            _, around = self._brought.records.get(within or "", ("place", {}))
            record["place"] = place_at(
                self._brought, point, radius_m=radius, name=around.get("name", ""), within=within if around else None
            )

    def _tell_of_points(self) -> None:
        if self._kept and self._points is not None:
            self._brought.leave(
                self._file,
                f"column {', '.join(self._points.columns)}",
                f"{self._kept} points",
                "they are kept, unpublished: it is not said how far off they may be (radius_m)",
            )

    def _complete(self, record: dict[str, Any]) -> None:
        """Say what the format wants said where the table has nothing."""
        if "date" in self._fields and self._how.record == "event" and "date" not in record:
            record["date"] = None
            record.setdefault("date_note", "The table does not say.")
        if "language" in self._fields:
            record.setdefault("language", self._how.language)

    def _put(self, record: dict[str, Any], row: ForeignRow, name: str, values: list[str], column: ColumnMap) -> None:
        assert column.field is not None  # looked at by the caller
        field = self._fields[column.field]
        read = [found for value in values if (found := self._value(row, name, value, column, field)) is not None]
        if read:
            record[column.field] = read if field.is_list else read[0]
        if column.field == "date" and not read and self._how.record == "event":
            record["date_note"] = f"The table says: {' '.join(values)}."

    def _value(self, row: ForeignRow, name: str, text: str, column: ColumnMap, field: FormatField) -> Any:  # noqa: ANN401
        text = column.values.get(text, text)
        if field.kind == "date":
            return self._date(row, name, text, column)
        if field.kind == "number":
            return self._number(row, name, text, column)
        if field.kind == "reference":
            return self._reference(row, name, text, column, field.types)
        if field.kind == "truth":
            return _TRUTHS.get(text.lower())
        return text

    def _own(self, row: ForeignRow, name: str, text: str, column: ColumnMap) -> Any:  # noqa: ANN401 - as the kind is
        text = column.values.get(text, text)
        match column.kind:
            case "number":
                return self._number(row, name, text, column)
            case "date":
                return self._date(row, name, text, column)
            case "boolean":
                return _TRUTHS.get(text.lower())
            case "term":
                return self._term(column.vocabulary or "", text)
            case _:
                return text

    def _term(self, vocabulary: str, text: str) -> str:
        """Return the term that a value is. Values that differ in case and spaces only are one; `A::B` is B below A."""
        known = self._terms.setdefault(vocabulary, {})
        value = " :: ".join(" ".join(part.split()) for part in text.split("::")).replace(" :: ", "::")
        if (term := known.get(_same(value))) is None:
            term = known[_same(value)] = value
            above, _, last = value.rpartition("::")
            new = {"value": value, "label": last or value} | (
                {"broader": self._term(vocabulary, above)} if above else {}
            )
            self._brought.new_terms.setdefault(vocabulary, []).append(new)
        return term

    def _date(self, row: ForeignRow, name: str, text: str, column: ColumnMap) -> str | None:
        if column.date is not None and (found := _SLASHES.fullmatch(text)) is not None:
            first, second, year = found.groups()
            day, month = (first, second) if column.date == "day-first" else (second, first)
            text = f"{year}-{int(month):02}-{int(day):02}"
        try:
            parse_edtf(text)
        except DateError:
            self._brought.leave(
                self._file, f"row {row.number}, column {name}", "a date", "it is none that the archive reads"
            )
            return None
        return text

    def _number(self, row: ForeignRow, name: str, text: str, column: ColumnMap) -> int | float | None:
        plain = text.replace(" ", "").replace("\u00a0", "").replace("\u202f", "")
        if column.decimal is not None:
            plain = plain.replace("," if column.decimal == "." else ".", "").replace(column.decimal, ".")
        elif _DOUBTFUL.fullmatch(plain):
            why = f"it may be {plain.replace(',', '')} or {plain.replace(',', '.')}: say `decimal` in the map"
            self._brought.leave(self._file, f"row {row.number}, column {name}", "a number", why)
            return None
        plain = plain.replace(",", ".")
        if _WHOLE.fullmatch(plain):
            return int(plain)
        if _FRACTION.fullmatch(plain):
            return float(plain)
        self._brought.leave(self._file, f"row {row.number}, column {name}", "a number", "it is none")
        return None

    def _reference(
        self, row: ForeignRow, name: str, label: str, column: ColumnMap, types: tuple[RecordType, ...]
    ) -> str | None:
        made = "agent" if column.make in ("organisation", "group", "person") else column.make
        if made is None or made not in types:
            self._brought.leave(
                self._file, f"row {row.number}, column {name}", "a reference", "the map does not say what to make of it"
            )
            return None
        if made != "agent":
            fields = {_LABEL_FIELD[made]: label} | ({"kind": "other"} if made == "place" else {})
            return self._brought.add(made, label, fields)
        if column.make == "person":
            withheld = {
                "kind": "person",
                "name_policy": "withheld",
                "label": "A person",
                "access": {"private": {"name": label}},
            }
            return self._brought.add("agent", f"person {label}", withheld)
        return self._brought.add(
            "agent", f"{column.make} {label}", {"kind": column.make, "name_policy": "published", "name": label}
        )


def _same(value: str) -> str:
    return " ".join(folded(value).split())


def bring_table(files: Iterable[tuple[Path, Map]], brought: Brought, *, progress: Progress = silent) -> Brought:
    """Add a record for each row of tables, each by its map."""
    for file, how in files:
        Mapping(brought, file, how).bring(foreign_rows(file, brought, how.reading), progress=progress)
    return brought
