"""Tables compiled into an archive file: each record on a line, with its parts, its text and its transcript.

What is wrong with the tables themselves is found here; everything else by the checks of the archive file, whose findings
are then told by table, row and column.
"""

import re
import tomllib
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from difflib import get_close_matches
from functools import cached_property, partial
from itertools import count
from pathlib import Path
from types import MappingProxyType
from typing import Any, BinaryIO

import orjson

from service.archive.checks.report import Report
from service.archive.checks.rules import NOTES
from service.archive.evidence import measured
from service.archive.identifiers import PREFIXES, RECORD_TYPES, TYPE_OF_PREFIX, RecordType, is_identifier
from service.archive.model import FORMAT
from service.archive.progress import Progress, silent
from service.archive.reading import Finding, TablePlace, open_regular
from service.archive.tables import cells
from service.archive.tables.identifiers import beside, keep_beside, kept_beside, with_identifiers
from service.archive.tables.layout import (
    HEAD_FILE,
    HEAD_SHEET,
    OWNER,
    RECORD_TABLES,
    WITHDRAWN,
    WITHIN,
    Column,
    Layout,
    layout_within,
    layouts_of,
    nullable,
    own_column,
    own_columns,
    part_tables,
    record_layout,
)
from service.archive.tables.rows import (
    WORKBOOKS,
    NumberText,
    Remark,
    Table,
    TableRefused,
    csv_table,
    read_workbook,
)
from service.archive.tables.scratch import Scratch
from service.archive.tables.transaction import finish_interrupted, locked, transaction
from service.archive.tables.transcripts import SUFFIXES as TRANSCRIPTS
from service.archive.tables.transcripts import TranscriptRefused, segments_of
from service.archive.words import folded
from service.errors import ArchiveUnreadable

#: Under which of its fields people know a record.
LABELS = ("title", "name", "label", "subject")
#: Records whose titles and names may name people: their identifiers, which stay for ever, are numbered instead.
_NUMBERED: frozenset[RecordType] = frozenset({"agent", "event", "testimony", "response"})
#: What compiling is called where it is told how far it is.
_STAGE = "Reading tables"
#: Parts handed to the scratch database at once.
_BATCH = 5000
#: How a spreadsheet counts the days of our time: from the end of 1899, or from the beginning of 1904.
_SERIAL = re.compile(r"[2-6]\d{4}(\.\d+)?")
_DAY_0, _DAY_0_OF_1904 = date(1899, 12, 30), date(1904, 1, 1)
_COMMA = re.compile(r"\s*[+-]?\d+,\d+\s*")


def is_tables(path: Path) -> bool:
    """Tell whether an archive is given as tables: a folder with a head or tables, or a workbook."""
    if path.is_dir():
        return (path / HEAD_FILE).is_file() or any((path / f"{name}.csv").is_file() for name in RECORD_TABLES)
    return path.name.lower().endswith(WORKBOOKS)


@dataclass
class Compiled:
    """An archive file made from tables, and what was found wrong with them. Findings of its checks are told by `told`."""

    path: Path
    #: The folder of the tables, or the one that the workbook lies in.
    folder: Path
    is_folder: bool
    findings: list[Finding]
    notes: list[Finding]
    #: Identifiers that were made for records without one.
    made: "_Made"
    _lines: "_Lines"
    _scratch: Scratch
    #: Places of which something was found already, and what is known of numbers that stand where days should.
    _said: set[str]
    _serials: Mapping[str, str]

    def texts(self) -> dict[str, Path]:
        """Return the copies of sources' texts that lie beside the tables, by identifier."""
        return {path.stem: path for path in sorted(self.folder.glob("texts/src-*.txt"))} if self.is_folder else {}

    def keep_identifiers(self) -> list[Path]:
        """Write the identifiers that were made to where the next reading finds them, and return the files written."""
        if self.made.by_row:
            with transaction(self.folder) as change:
                for path, rows in self.made.by_row.items():
                    with change.file(path.name) as file:
                        file.write(with_identifiers(path.read_bytes(), rows))
        if self.made.by_label:
            keep_beside(self.made.given, self.made.by_label)
        return [*self.made.by_row, *([beside(self.made.given)] if self.made.by_label else [])]

    def told(self, report: Report) -> Report:
        """Return a report on the archive file as one on the tables."""
        found = [each for each in map(self._placed, report.findings) if each.pointer not in self._said]
        notes = [self._placed(each) for each in report.notes]
        return replace(report, findings=[*self.findings, *found], notes=[*self.notes, *notes])

    def placed(self, pointer: str) -> str:
        """Return a place in the archive file (the line, and the pointer in it) as one in the tables."""
        place, _, inner = pointer.partition(" /")
        steps = inner.replace("~1", "/").replace("~0", "~").split("/") if inner else []
        return str(self._place(int(place.removeprefix("line ")), steps)) if place.startswith("line ") else pointer

    def row_of(self, line: int) -> tuple[str, int]:
        """Return the table and the row that a line of the archive file was made from."""
        where = self._lines.place(line)
        assert where is not None  # the head is no row
        return where[:2]

    def rows_of_parts(self, record: str, under: tuple[str, str] | None = None) -> Iterator[tuple[str, int]]:
        """Yield the table and the row of each part of a record, or of one of its lists: where that is, and its name."""
        for within, name, shown, row, _ in self._scratch.parts(record):
            inside = "" if under is None else f"{under[0]}/{under[1]}/".lstrip("/")
            if under is None or (within, name) == under or f"{within}/".startswith(inside):
                yield shown, row

    def place_of_part(self, record: str, within: str, name: str, number: int) -> tuple[str, int] | None:
        """Return the table and the row of a part, by its place in its list, from 0; None where no table has it."""
        return self._scratch.place(record, within, name, number)

    def named(self, label: str, types: Iterable[RecordType]) -> list[str]:
        """Return the identifiers of the records of some types that are called so, two at most."""
        return self._scratch.named(label, types)

    def _placed(self, finding: Finding) -> Finding:
        place, _, pointer = finding.pointer.partition(" /")
        if not place.startswith("line "):
            return finding
        steps = pointer.replace("~1", "/").replace("~0", "~").split("/") if pointer else []
        where = self._place(int(place.removeprefix("line ")), steps)
        placed = replace(finding, pointer=str(where), place=where)
        if finding.code == "invalid_date" and (serial := self._serials.get(placed.pointer)):
            return replace(placed, detail=f"{placed.detail} {serial}")
        return placed

    def _place(self, line: int, steps: list[str]) -> TablePlace:
        where = self._lines.place(line)
        if where is None:
            key = ".".join(steps[1:] if steps[:1] == ["archive"] else steps)
            return TablePlace(self._lines.head, column=key)
        shown, row, kind, identifier = where
        layout: Layout | None = record_layout(kind) if kind in RECORD_TYPES else None
        within = ""
        while layout is not None and len(steps) > 1 and steps[0] in layout.lists and steps[1].isdigit():
            name, number = steps[0], int(steps[1])
            part = layout.lists[name].part
            found = self._scratch.place(identifier, within, name, number)
            if found is None or part is None:
                break
            shown, row = found
            within = f"{within}/{name}/{number + 1}".lstrip("/")
            steps, layout = steps[2:], layout_of(kind, within)
        path = tuple(step for step in steps if not step.isdigit())
        is_own = path[:1] == ("custom",) and len(path) > 1
        column = f"custom.{path[1]}" if is_own else (layout.named(path) if layout is not None else "") or ".".join(path)
        return TablePlace(shown, row, column)


def layout_of(kind: str, within: str) -> Layout | None:
    """Return the layout of rows of parts at a place in a record, such as `acts/2`."""
    return layout_within(kind, tuple(within.split("/")[::2])) if kind in RECORD_TYPES else None


class _Lines:
    """Which row of which table each line of the archive file is, and the identifier of its record."""

    def __init__(self, head: str) -> None:
        self.head = head
        self._tables: list[tuple[int, str, str, array[int], list[str]]] = []
        self._next = 2  # the head is line 1

    def begin(self, shown: str, kind: str) -> None:
        """Begin a table."""
        self._tables.append((self._next, shown, kind, array("I"), []))

    def add(self, row: int, identifier: str) -> None:
        """Add the next line."""
        _, _, _, rows, identifiers = self._tables[-1]
        rows.append(row)
        identifiers.append(identifier)
        self._next += 1

    def place(self, line: int) -> tuple[str, int, str, str] | None:
        """Return the table, the row, the type and the identifier of a line; None for the head."""
        for first, shown, kind, rows, identifiers in reversed(self._tables):
            if first <= line < first + len(rows):
                return shown, rows[line - first], kind, identifiers[line - first]
        return None


@dataclass
class _Made:
    """Identifiers made for records without one: of CSV files by row, of a workbook by table and label."""

    given: Path
    by_row: dict[Path, dict[int, str]]
    by_label: dict[tuple[str, str], str]


@dataclass
class _Header:
    """The header of a table: the column at each position, None where it is left out."""

    columns: list[Column | None]
    names: list[str]
    #: Fields that a record must have, though it may have nothing in them: an empty cell says so.
    nullable: tuple[str, ...] = ()
    owner: int | None = None
    within: int | None = None

    @cached_property
    def plain(self) -> list[str]:
        """The kind of each column that holds one value under one key of the record; nothing for others."""
        return [
            column.kind
            if column is not None and len(column.path) == 1 and not column.is_list and column.language is None
            else ""
            for column in self.columns
        ]

    @cached_property
    def keys(self) -> list[str]:
        """The last key of each column's value."""
        return ["" if column is None else column.path[-1] for column in self.columns]


class Compiler:
    """One run over the tables of one archive."""

    def __init__(self, given: Path, folder: Path, scratch: Scratch, *, progress: Progress = silent) -> None:
        self._given, self._folder, self._scratch = given, folder, scratch
        self._progress = progress
        self.findings: list[Finding] = []
        self.notes: list[Finding] = []
        self._said: set[str] = set()
        self._serials: dict[str, str] = {}
        self._numbers_told: set[tuple[str, str]] = set()
        self._made = _Made(given, {}, {})
        #: All of them by table and row, those made before included.
        self._identifiers: dict[str, dict[int, str]] = {}
        self._own: dict[RecordType, dict[str, Column]] = {}
        self._taken: set[str] = set()
        self._numbers: Counter[str] = Counter()
        self._is_folder = given.is_dir()
        #: The names of files with texts and transcripts.
        self._beside: dict[str, set[str]] = {}
        self._lines = _Lines(HEAD_FILE if self._is_folder else f"{given.name}, sheet {HEAD_SHEET}")

    def compile(self) -> Compiled:
        """Compile the tables. Raises ArchiveUnreadable where a change of them was interrupted and cannot be finished."""
        if not self._is_folder:
            return self._compile()
        finish_interrupted(self._given)
        with locked(self._given, shared=True):  # against commands that change several tables
            return self._compile()

    def _compile(self) -> Compiled:
        self._beside = {
            name: {path.name for path in self._given.glob(f"{name}/*") if path.is_file()}
            for name in ("texts", "transcripts")
        }
        tables = {table.name: table for table in self._tables() if self._is_shown(table)}
        head = self._head(tables.pop(HEAD_SHEET, None))
        self._own = {kind: own_columns(head, kind) for kind in RECORD_TYPES}
        parts = [tables.pop(name) for name in sorted(part_tables()) if name in tables]
        records = [(kind, tables.pop(name)) for name, kind in RECORD_TABLES.items() if name in tables]
        withdrawn = tables.pop(WITHDRAWN, None)
        self._leave_out(tables.values())
        # Tables of records are read twice: for what records are called, which others may come before, and for the rest.
        steps = count(1)
        every = 2 * len(records) + len(parts)
        for kind, table in records:
            self._safely(table, partial(self._take_labels, kind, table))
            self._progress(_STAGE, next(steps), every)
        self._scratch.index_labels()
        for table in parts:
            self._safely(table, partial(self._take_parts, table))
            self._progress(_STAGE, next(steps), every)
        self._scratch.index_parts()
        self._look_for_strangers()
        path = self._folder / "archive.jsonl"
        with path.open("wb") as file:
            file.write(orjson.dumps({"format": FORMAT, "archive": head}, option=orjson.OPT_APPEND_NEWLINE))
            for kind, table in records:
                self._safely(table, partial(self._write_records, kind, table, file))
                self._progress(_STAGE, next(steps), every)
            if withdrawn is not None:
                self._safely(withdrawn, partial(self._write_withdrawn, withdrawn, file))
        self._look_for_stray_texts()
        base = self._given if self._is_folder else self._given.parent
        return Compiled(
            path,
            base,
            self._is_folder,
            self.findings,
            self.notes,
            self._made,
            self._lines,
            self._scratch,
            self._said,
            self._serials,
        )

    # --- The tables there are ---------------------------------------------------------------------------------------

    def _is_shown(self, table: Table) -> bool:
        """Tell whether a table is one for others to read; say what is to be known of it where it is one of the format."""
        is_known = table.name in {HEAD_SHEET, WITHDRAWN, *RECORD_TABLES, *part_tables()}
        if table.is_hidden:
            self._note("hidden_sheet", TablePlace(table.shown), "The sheet is hidden in the workbook: it was left out.")
        elif is_known:
            self._remark(table.shown, table.remarks)
        return not table.is_hidden

    def _remark(self, shown: str, remarks: Iterable[Remark]) -> None:
        for code, row, detail in remarks:
            (self._note if code in NOTES else self._find)(code, TablePlace(shown, row), detail)

    def _tables(self) -> Iterator[Table]:
        if not self._is_folder:
            try:
                workbook = read_workbook(self._given)
                self._remark(self._given.name, workbook.remarks)
                yield from workbook.tables
            except TableRefused as refused:
                self._find("invalid_table", TablePlace(self._given.name), str(refused))
                self._said.update({"", self._lines.head})
            return
        for path in sorted(self._given.glob("*.[cC][sS][vV]")):
            yield csv_table(path)

    def _head(self, sheet: Table | None) -> Any:  # noqa: ANN401 - for the checks to judge
        if not self._is_folder:
            head: dict[str, Any] = {}
            if sheet is None:
                if not self.findings:  # else nothing could be read
                    detail = f"A sheet named `{HEAD_SHEET}` is required."
                    self._find("missing_field", TablePlace(self._given.name), detail)
            else:
                self._safely(sheet, lambda: self._take_head(sheet, head))
            return head
        try:
            with open_regular(self._given / HEAD_FILE) as file:
                return self._head_of(_plain(tomllib.load(file)))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            self._find("invalid_table", TablePlace(HEAD_FILE), f"The file is no sound TOML: {error}.")
        except ArchiveUnreadable:
            self._find(
                "missing_field", TablePlace(HEAD_FILE), f"`{HEAD_FILE}` is required: it says what the archive is."
            )
        self._said.update({"", self._lines.head})
        return {}

    def _head_of(self, file: dict[str, Any]) -> Any:  # noqa: ANN401
        if file.pop("format", FORMAT) != FORMAT:
            self._find(
                "unsupported_format", TablePlace(HEAD_FILE, column="format"), f"Only the format {FORMAT} is read."
            )
        head = file.pop("archive", {})
        for key in file:
            self._find(
                "unknown_field",
                TablePlace(HEAD_FILE, column=key),
                "The file holds `format` and `archive`, nothing else.",
            )
        return head

    def _take_head(self, sheet: Table, head: dict[str, Any]) -> None:
        value = Column("value", (), "object", is_list=False)
        is_first = True
        for number, (key, cell, *_rest) in self._rows(sheet, least=2):
            is_header, is_first = is_first and key.strip().lower() == "key", False
            if is_header:
                continue
            inner: Any = head
            *above, last = key.strip().split(".")
            for step in above:
                inner = inner.setdefault(step, {}) if isinstance(inner, dict) else None
            if not isinstance(inner, dict):
                place = TablePlace(sheet.shown, number)
                self._find("repeated_column", place, f"`{'.'.join(above)}` holds a value itself: write one of the two.")
            elif last and cell:
                inner[last] = cells.read(cell, value)

    def _rows(self, table: Table, *, least: int) -> Iterator[tuple[int, list[str]]]:
        for number, row in table.rows():
            if not _is_empty(row):
                yield number, row + [""] * (least - len(row))

    def _leave_out(self, tables: Iterable[Table]) -> None:
        known = [HEAD_SHEET, WITHDRAWN, *RECORD_TABLES, *part_tables()]
        for table in tables:
            if close := get_close_matches(table.name, known, n=1, cutoff=0.8):
                self._find(
                    "unknown_table",
                    TablePlace(table.shown),
                    f"No table of an archive has this name: did you mean {close[0]}?",
                )
            else:
                self._note(
                    "unknown_table_left_out",
                    TablePlace(table.shown),
                    "No table of an archive has this name: it was left out.",
                )

    def _safely(self, table: Table, work: Callable[[], None]) -> None:
        """Do something with a table, and tell where it cannot be read."""
        try:
            work()
        except TableRefused as refused:
            place = TablePlace(table.shown, refused.row or 0)
            if all(each.place != place for each in self.findings):
                self._find("invalid_table", place, str(refused))
            if table.name == HEAD_SHEET:  # what it lacks is then nobody's fault
                self._said.update({"", self._lines.head})

    # --- Headers ----------------------------------------------------------------------------------------------------

    def _header(
        self,
        table: Table,
        names: list[str],
        layouts: Iterable[Layout],
        *,
        own: Mapping[str, Column] = MappingProxyType({}),
        tell: bool = True,
    ) -> _Header:
        header = _Header([], [plain_name(name) for name in names])
        taken: set[tuple[tuple[str, ...], str | None]] = set()
        for position, name in enumerate(header.names):
            column = None
            if name == OWNER and header.owner is None:
                header.owner = position
            elif name == WITHIN and header.within is None:
                header.within = position
            elif name:
                found = (each for layout in layouts if (each := layout.column(name)) is not None)
                column = own_column(own, name) or next(found, None)
                column = self._once(TablePlace(table.shown, column=name), header, column, taken, layouts, tell=tell)
            header.columns.append(column)
        return header

    def _once(
        self,
        place: TablePlace,
        header: _Header,
        column: Column | None,
        taken: set[tuple[tuple[str, ...], str | None]],
        layouts: Iterable[Layout],
        *,
        tell: bool,
    ) -> Column | None:
        """Return a column, unless the table has another for the same."""
        name = header.names[len(header.columns)]
        is_derived = any(layout.is_derived(name) for layout in layouts)
        if column is None:
            if tell and not is_derived:
                names = [each for layout in layouts for each in layout.columns]
                close = get_close_matches(name, names, n=1, cutoff=0.6)
                hint = f": did you mean {close[0]}?" if close else "."
                self._find("unknown_field", place, f"The format has no such column here{hint}")
            return None
        if column.name != name and column.name in header.names and column.language is None:
            # The table has the column itself; this one says the same in other words.
            if tell and not is_derived and name != "url":
                self._find("repeated_column", place, f"The table has the column {column.name} for the same.")
            return None
        if (key := (column.path, column.language)) in taken:
            if tell:
                self._find("repeated_column", place, "The table has this column twice.")
            return None
        taken.add(key)
        return column

    # --- What records are called ------------------------------------------------------------------------------------

    def _take_labels(self, kind: RecordType, table: Table) -> None:
        rows = table.rows()
        _, names = next(rows, (1, []))
        header = self._header(table, names, [record_layout(kind)], tell=False)
        at = {column.path: position for position, column in enumerate(header.columns) if column is not None}
        labels = [at[(name,)] for name in LABELS if (name,) in at]
        batch: list[tuple[str, RecordType, str]] = []
        nameless: list[tuple[int, str]] = []
        for number, row in rows:
            called = [text for position in labels if position < len(row) and (text := row[position].strip())]
            identifier = row[at["id",]].strip() if ("id",) in at and at["id",] < len(row) else ""
            if identifier:
                batch += [(label, kind, identifier) for label in (identifier, *called)]
            elif not _is_empty(row):
                nameless.append((number, called[0] if called else ""))
            if len(batch) > _BATCH:
                self._scratch.add_labels(batch)
                batch = []
        self._scratch.add_labels(batch)
        batch = []
        if nameless:
            self._taken.update(self._scratch.identifiers(kind))
        kept = {} if self._is_folder or not nameless else kept_beside(self._given)
        for number, label in nameless:
            identifier = kept.get((table.name, label)) or self._new_identifier(kind, label)
            self._identifiers.setdefault(table.name, {})[number] = identifier
            if table.file is not None:
                self._made.by_row.setdefault(table.file, {})[number] = identifier
            elif (table.name, label) not in kept:
                self._made.by_label[table.name, label] = identifier
            batch += [(each, kind, identifier) for each in (identifier, label) if each]
        self._scratch.add_labels(batch)

    def _new_identifier(self, kind: RecordType, label: str) -> str:
        """Return an identifier for a record that has none: from its title, or a number where that may name people."""
        words = re.findall(r"[a-z0-9]+", folded(label)) if kind not in _NUMBERED else []
        name = "-".join(words)[:48].strip("-")
        if len(name) > 2 and (made := f"{PREFIXES[kind]}-{name}") not in self._taken:
            self._taken.add(made)
            return made
        while True:
            self._numbers[kind] += 1
            made = f"{PREFIXES[kind]}-{name[:40] + '-' if len(name) > 2 else ''}{self._numbers[kind]:04}"
            if made not in self._taken:
                self._taken.add(made)
                return made

    # --- Parts ------------------------------------------------------------------------------------------------------

    def _take_parts(self, table: Table) -> None:
        rows = table.rows()
        _, names = next(rows, (1, []))
        layouts = layouts_of(table.name)
        header = self._header(table, names, layouts)
        if header.owner is None:
            self._find(
                "missing_field",
                TablePlace(table.shown),
                f"The column {OWNER} is required: it says whose part a row is.",
            )
            return
        owner: int = header.owner
        batch: list[tuple[str, str, str, str, int, bytes]] = []
        headers: dict[tuple[str, str], _Header] = {}
        for number, row in rows:
            if _is_empty(row):
                continue
            named = row[owner].strip() if owner < len(row) else ""
            within = _cell(row, header.within).strip("/")
            if (record := self._owner(named, table, number)) is None:
                continue
            lists = re.sub(r"/\d+", "", within)
            if (mine := headers.get((record[:3], lists))) is None:
                mine = headers[record[:3], lists] = self._header_within(table, number, header, record, within)
            part = self._value(table, number, row, mine)
            batch.append((record, within, table.name, table.shown, number, orjson.dumps(part)))
            if len(batch) > _BATCH:
                self._scratch.add_parts(batch)
                batch = []
        self._scratch.add_parts(batch)

    def _header_within(self, table: Table, row: int, header: _Header, record: str, within: str) -> _Header:
        """Return the header as it is for parts of one kind of record, at one place in it."""
        layout = layout_of(TYPE_OF_PREFIX[record[:3]], f"{within}/{table.name}/1".lstrip("/"))
        if layout is None:
            self._find("invalid_value", TablePlace(table.shown, row), f"This record can have no {table.name} here.")
            return _Header([], header.names)
        known = [column is not None for column in header.columns]
        columns = [
            layout.column(name) if is_known else None for name, is_known in zip(header.names, known, strict=True)
        ]
        return _Header(columns, header.names)

    def _owner(self, named: str, table: Table, row: int) -> str | None:
        if is_identifier(named):
            return named
        found = self._scratch.named(named, RECORD_TYPES) if named else []
        if len(found) == 1:
            return found[0]
        detail = (
            "Two records have this label: name one by its identifier."
            if found
            else "No record has this identifier or label."
        )
        code = "ambiguous_label" if found else "dangling_reference"
        self._find(code, TablePlace(table.shown, row, OWNER), detail)
        return None

    def _look_for_strangers(self) -> None:
        for shown, row in self._scratch.strangers():
            self._find("dangling_reference", TablePlace(shown, row, OWNER), "No record has this identifier.")

    # --- Records ----------------------------------------------------------------------------------------------------

    def _write_records(self, kind: RecordType, table: Table, file: BinaryIO) -> None:
        rows = table.rows()
        _, names = next(rows, (1, []))
        header = self._header(table, names, [record_layout(kind)], own=self._own[kind])
        header.nullable = nullable(kind)
        made = self._identifiers.get(table.name, {})
        has_parts = self._scratch.has_parts()
        self._lines.begin(table.shown, kind)
        for number, row in rows:
            if _is_empty(row):
                continue
            record = self._value(table, number, row, header)
            if number in made:
                record = {"id": made[number], **record}
            for name in header.nullable:
                record.setdefault(name, None)
            identifier = str(record.get("id", ""))
            self._lines.add(number, identifier)
            if has_parts:
                self._join(record, self._scratch.parts(identifier))
            self._add_texts(kind, identifier, record)
            file.write(orjson.dumps({"record": kind, **record}, option=orjson.OPT_APPEND_NEWLINE))

    def _join(self, record: dict[str, Any], parts: Iterator[tuple[str, str, str, int, Any]]) -> None:
        """Put parts into the record that they belong to. Lists come before what lies within them."""
        for within, name, shown, row, part in sorted(parts, key=lambda each: each[0].count("/")):
            inner: Any = record
            try:
                for step in filter(None, within.split("/")):
                    inner = inner[int(step) - 1] if step.isdigit() else inner[step]
                inner.setdefault(name, []).append(part)
            except (KeyError, IndexError, TypeError, AttributeError):
                place = TablePlace(shown, row, WITHIN)
                self._find("dangling_reference", place, "The record has no such part: write, for example, acts/2.")

    def _write_withdrawn(self, table: Table, file: BinaryIO) -> None:
        rows = table.rows()
        _, names = next(rows, (1, []))
        columns = [plain_name(name) for name in names]
        self._lines.begin(table.shown, WITHDRAWN)
        for number, row in rows:
            if _is_empty(row):
                continue
            self._lines.add(number, "")
            record = {name: cell.strip() for name, cell in zip(columns, row, strict=False) if name and cell}
            file.write(orjson.dumps({"record": WITHDRAWN, **record}, option=orjson.OPT_APPEND_NEWLINE))

    def _value(self, table: Table, number: int, row: list[str], header: _Header) -> dict[str, Any]:
        """Return what a row says: the cells that are not empty, each at its place."""
        value: dict[str, Any] = {}
        if len(row) > len(header.names) and any(row[len(header.names) :]):
            self._find(
                "invalid_table", TablePlace(table.shown, number), "The row has more cells than the header has names."
            )
        # Most cells hold a text, a term or one reference by its identifier: those are taken at once.
        for column, kind, key, cell in zip(header.columns, header.plain, header.keys, row, strict=False):
            if not cell or column is None:
                continue
            if kind and _is_plain(kind, cell):
                value[key] = cell
            elif column.kind == "text" or cell.strip():
                self._take_cell(value, column, cell, TablePlace(table.shown, number, column.name))
        return value

    def _take_cell(self, value: dict[str, Any], column: Column, cell: str, here: TablePlace) -> None:
        read = cells.read(cell, column)
        if column.kind == "reference":
            read = self._referred(read, column, here)
        elif column.kind == "date" and isinstance(read, str) and _SERIAL.fullmatch(read):
            self._serials[str(here)] = _as_days(read)
        elif column.kind == "number" and _COMMA.fullmatch(cell):
            self._note("decimal_comma", here, "The comma is read as a decimal point.")
        elif column.kind == "text" and isinstance(cell, NumberText):
            read = str(read) if isinstance(read, str) else read
            self._note_number(here)
        _put(value, column, read)

    def _note_number(self, here: TablePlace) -> None:
        """Tell of a number among texts, once for each column."""
        if (column := (here.table, here.column)) not in self._numbers_told:
            self._numbers_told.add(column)
            detail = "The cell holds a number: zeros before it are lost. Format the column as text."
            self._note("number_as_text", here, detail)

    def _referred(self, read: Any, column: Column, here: TablePlace) -> Any:  # noqa: ANN401
        """Return identifiers for what is named by label."""
        if isinstance(read, list):
            return [self._referred(each, column, here) for each in read]
        if is_identifier(read):
            return read
        found = self._scratch.named(read, column.types)
        if len(found) == 1:
            return found[0]
        detail = (
            "Two records have this label: name one by its identifier."
            if found
            else "No record has this identifier or label."
        )
        self._find("ambiguous_label" if found else "dangling_reference", here, detail)
        self._said.add(str(here))
        return read

    # --- Texts and transcripts --------------------------------------------------------------------------------------

    def _add_texts(self, kind: RecordType, identifier: str, record: dict[str, Any]) -> None:
        if not self._is_folder or not is_identifier(identifier):
            return
        if kind == "source" and (name := f"{identifier}.txt") in self._beside["texts"]:
            path = self._given / "texts" / name
            try:
                with open_regular(path) as file:
                    text = file.read().decode()
            except UnicodeDecodeError:
                self._find("invalid_table", TablePlace(f"texts/{path.name}"), "The file is not UTF-8.")
                return
            # Of a source that may not be republished the text is measured, and stays here.
            content = {"content": text} if record.get("verbatim") is True else {}
            record["text"] = measured(text) | content | record.get("text", {})
        if kind == "testimony":
            for suffix in TRANSCRIPTS:
                if (name := f"{identifier}{suffix}") in self._beside["transcripts"]:
                    self._add_transcript(self._given / "transcripts" / name, record)

    def _add_transcript(self, path: Path, record: dict[str, Any]) -> None:
        if "transcript" in record:
            self._find(
                "repeated_column",
                TablePlace(f"transcripts/{path.name}"),
                "The testimony has a transcript in a table already.",
            )
            return
        try:
            record["transcript"] = segments_of(path)
        except TranscriptRefused as refused:
            self._find("invalid_table", TablePlace(f"transcripts/{path.name}"), str(refused))

    def _look_for_stray_texts(self) -> None:
        if not self._is_folder:
            return
        for path in sorted([*self._given.glob("texts/*"), *self._given.glob("transcripts/*")]):
            is_text = path.parent.name == "texts"
            kind = "src" if is_text else "tes"
            fits = path.stem.startswith(f"{kind}-") and path.suffix in ((".txt",) if is_text else TRANSCRIPTS)
            if not path.name.startswith(".") and not (fits and self._scratch.is_known(path.stem)):
                place = TablePlace(f"{path.parent.name}/{path.name}")
                self._find("dangling_reference", place, "No record has this file's name as its identifier.")

    def _find(self, code: str, place: TablePlace, detail: str) -> None:
        self.findings.append(Finding(code, str(place), detail, place=place))

    def _note(self, code: str, place: TablePlace, detail: str) -> None:
        assert code in NOTES
        self.notes.append(Finding(code, str(place), detail, place=place))


def _is_plain(kind: str, cell: str) -> bool:
    """Tell whether a cell that is not empty is the value itself, so that nothing has to be read out of it."""
    if kind == "text":
        return cell[0] != "'" and not isinstance(cell, NumberText)
    if kind == "reference":
        return is_identifier(cell)
    return kind == "term" and cell[0] not in "' " and cell[-1] != " "


def _is_empty(row: list[str]) -> bool:
    return not any(row) or not any(map(str.strip, row))


def _cell(row: list[str], position: int | None) -> str:
    return row[position].strip() if position is not None and position < len(row) else ""


def plain_name(name: str) -> str:
    """Return the name of a column as people write it: without spaces around and in it, and with its case where it matters."""
    name = re.sub(r"\s+", "_", name.strip())
    text, at, language = name.partition("@")
    return text.lower() + at + language if not text.startswith("custom.") else name


def _put(value: dict[str, Any], column: Column, read: Any) -> None:  # noqa: ANN401
    path = column.path
    if column.language is not None:
        path = ("translations", column.language, *path)
    for step in path[:-1]:
        inner = value.setdefault(step, {})
        if not isinstance(inner, dict):  # `access_private` beside `access_private_name`
            inner = value[step] = {"": inner}
        value = inner
    value[path[-1]] = read


def _as_days(serial: str) -> str:
    days = int(float(serial))
    since_1900, since_1904 = _DAY_0 + timedelta(days), _DAY_0_OF_1904 + timedelta(days)
    return (
        f"It looks like the number a spreadsheet keeps for a day: {since_1900}, or {since_1904} where days count from "
        "1904. Format the column as text and write the date."
    )


def _plain(value: Any) -> Any:  # noqa: ANN401 - TOML as JSON
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return value.isoformat() if isinstance(value, date | datetime) else value
