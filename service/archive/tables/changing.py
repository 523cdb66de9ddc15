"""Tables changed as an archive file is: what a change of the file comes to in rows and cells, and those written.

The change is made to the archive file that the tables compile to. What it did there is looked up in the tables, written to
copies of them, and those are compiled again: only where they say the same, word by word, do they take the place of the
tables. A workbook is not written to; what to change in it is told.
"""

import hashlib
import shutil
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import orjson

from service.archive.editing import held, state_of
from service.archive.identifiers import RECORD_TYPES, RecordType, is_identifier
from service.archive.tables import cells
from service.archive.tables.compiling import LABELS, Compiled, Compiler, is_tables, plain_name
from service.archive.tables.csv_editing import CsvEdit, edited, new_table
from service.archive.tables.layout import (
    HEAD_FILE,
    OWNER,
    RECORD_TABLES,
    WITHDRAWN,
    Column,
    Layout,
    layouts_of,
    own_column,
    own_columns,
    part_layout,
    part_tables,
    record_layout,
)
from service.archive.tables.rows import Table, TableRefused, csv_table, read_workbook
from service.archive.tables.scratch import Scratch
from service.archive.tables.transaction import finish_interrupted, hidden_folder, transaction
from service.archive.tables.transcripts import SUFFIXES as TRANSCRIPTS
from service.archive.tables.writing import part_rows, row_of
from service.errors import EditRefused

#: Columns whose new values an operator is told, since they hold no words of the archive.
_TOLD: Final = frozenset(
    {"sha256", "text_sha256", "text_length", "text_bytes", "redacted", "name_policy", "label", "id"}
)
_BY_HAND: Final = 40


@contextmanager
def edited_archive(path: Path) -> Iterator[tuple[Path, Callable[[str], str]]]:
    """Yield the archive file to change, and what tells places in it in terms of what was given.

    That is the archive itself where it is a file. Of a folder of tables it is a file made from them, and the tables are
    changed when the block ends well. Places may be asked for once the block has ended, for as long as the function is kept.

    Raises:
        EditRefused: where the tables are not sound, are being changed, or cannot say what the change did; and for a workbook,
            with what to change in it by hand.
    """
    if not is_tables(path):
        yield path, str
        return
    with ExitStack() as stack:
        change = _TableChange(path.resolve(), stack)
        try:
            yield change.file, change.told
        except EditRefused as refused:
            raise EditRefused(str(refused).replace(str(change.file), str(path))) from None
        change.write()


@dataclass
class _Changed:
    """A table, and what is to change in it."""

    name: str
    table: Table
    header: list[str]
    edit: CsvEdit = field(default_factory=CsvEdit)


class _TableChange:
    """One change of one folder of tables, or what it would be of a workbook."""

    def __init__(self, given: Path, stack: ExitStack) -> None:
        self._given = given
        self._places: dict[str, str] = {}
        if given.is_dir():
            finish_interrupted(given)
        if given.is_dir() and (given / HEAD_FILE).is_file():
            stack.enter_context(held(given / HEAD_FILE))
        work = Path(stack.enter_context(TemporaryDirectory(prefix="testimony-archive-")))
        self._states = {path: state_of(path.stat()) for path in self._files()}
        self._before = self._compiled(given, stack)
        if self._before.made.by_row or self._before.made.by_label:
            self._refuse("has records without an identifier: publish it once, which writes those into the tables")
        self.file = work / "archive.jsonl"
        shutil.copyfile(self._before.path, self.file)
        self._after: Compiled | None = None
        self._tables: dict[str, _Changed] = {}
        self._texts: dict[Path, bytes | None] = {}
        self._own: dict[RecordType, dict[str, Column]] = {}

    def told(self, pointer: str) -> str:
        """Return a place in the archive file as one in the tables as they are now."""
        if self._after is None:
            return pointer
        line, between, inner = pointer.partition(" /")
        return self._after.placed(f"{self._places.get(line, line)}{between}{inner}")

    def write(self) -> None:
        """Look up in the tables what was done to the file, and do it there. Raises EditRefused."""
        self._own = {kind: own_columns(self._head(), kind) for kind in RECORD_TYPES}
        self._tables = {table.shown: self._opened(table) for table in self._known_tables()}
        self._plan()
        if not self._given.is_dir():
            self._refuse_workbook()
        files = {**self._files_of_tables(), **self._texts}
        with hidden_folder(self._given) as hidden:
            self._stage(folder := hidden / "tables", files)
            self._compare(folder)
        if {path: state_of(path.stat()) for path in self._files()} != self._states:
            self._refuse("was changed by something else meanwhile")
        self._replace(files)

    # --- What there is ----------------------------------------------------------------------------------------------

    def _refuse(self, why: str) -> None:
        raise EditRefused(f"{self._given} {why}; nothing was changed. See: testimony-archive check")

    def _files(self) -> list[Path]:
        if not self._given.is_dir():
            return [self._given]
        found = [path for pattern in ("*", "texts/*", "transcripts/*") for path in self._given.glob(pattern)]
        return sorted(path for path in found if path.is_file() and not path.name.startswith("."))

    def _compiled(self, folder: Path, stack: ExitStack) -> Compiled:
        scratch_folder = Path(stack.enter_context(TemporaryDirectory(prefix="testimony-archive-")))
        scratch = stack.enter_context(Scratch(scratch_folder))
        made = Compiler(folder, scratch_folder, scratch).compile()
        if made.findings:
            first = made.findings[0]
            self._refuse(f"is not sound ({first.pointer}: {first.code})")
        return made

    def _known_tables(self) -> Iterator[Table]:
        known = {WITHDRAWN, *RECORD_TABLES, *part_tables()}
        tables = map(csv_table, sorted(self._given.glob("*.[cC][sS][vV]"))) if self._given.is_dir() else None
        given = tables or read_workbook(self._given).tables
        yield from (table for table in given if table.name in known and not table.is_hidden)

    def _opened(self, table: Table) -> _Changed:
        _, names = next(table.rows(), (1, []))
        return _Changed(table.name, table, names)

    def _head(self) -> object:
        with self._before.path.open("rb") as file:
            return orjson.loads(file.readline())["archive"]

    # --- What the change is -----------------------------------------------------------------------------------------

    def _plan(self) -> None:
        """Look up what changed: for each record, in its own row and in those of its parts."""
        after = dict(_records(self.file))
        renamed: dict[str, str] = {}
        for line, (key, before) in enumerate(_records(self._before.path), 2):
            now = after.pop(key, None)
            if now == before:
                continue
            kind, name = key
            for label in _labels(before) - _labels(now or {}):
                renamed[label] = name
            if now is None:
                self._take_out(name, line)
            else:
                self._change(kind, name, line, before, now)
        for (kind, _), entry in after.items():
            assert kind == WITHDRAWN  # no command makes records
            self._add(WITHDRAWN, {key: str(value) for key, value in entry.items()})
        if renamed:
            self._name_by_identifier(renamed)

    def _take_out(self, name: str, line: int) -> None:
        shown, row = self._before.row_of(line)
        self._tables[shown].edit.gone.add(row)
        for shown, row in self._before.rows_of_parts(name):
            self._tables[shown].edit.gone.add(row)
        for pattern in (f"texts/{name}.txt", *(f"transcripts/{name}{suffix}" for suffix in TRANSCRIPTS)):
            if self._given.is_dir() and (path := self._given / pattern).is_file():
                self._texts[path] = None

    def _change(self, kind: Any, name: str, line: int, before: dict[str, Any], now: dict[str, Any]) -> None:  # noqa: ANN401
        layout, own = record_layout(kind), self._own[kind]
        text = self._given / "texts" / f"{name}.txt"
        content, new = ((each.get("text") or {}).get("content") for each in (before, now))
        if content != new and new is not None and self._given.is_dir() and text.is_file():
            self._texts[text] = new.encode()
        shown, row = self._before.row_of(line)
        self._change_row(shown, row, layout, before, now, own=own)
        self._change_parts(layout, name, "", before, now)

    def _change_row(
        self,
        shown: str,
        row: int,
        layout: Layout,
        before: dict[str, Any],
        now: dict[str, Any],
        *,
        own: Mapping[str, Column] | None = None,
    ) -> None:
        sheet = self._tables[shown]
        was, wanted = row_of(layout, before), row_of(layout, now)
        columns = [own_column(own or {}, plain_name(each)) or layout.column(plain_name(each)) for each in sheet.header]
        at = {(each.path, each.language): place for place, each in reversed(list(enumerate(columns))) if each}
        new = sheet.edit.cells.setdefault(row, {})
        for column_name in was.keys() | wanted.keys():
            value = wanted.get(column_name, "")
            column = layout.column(column_name)
            if value == was.get(column_name, "") or column is None:
                continue
            place = at.get((column.path, column.language))
            if column.path == ("access", "private"):
                # One key of it may have a column of its own; with all of it in the one of JSON they say the same.
                place = place if place is not None else self._new_column(sheet, column_name)
            elif place is None and column.path[0] == "text":
                continue  # measured off the file with the text
            elif place is None:
                place = self._new_column(sheet, column_name)
            new[place] = value
        self._change_content(new, at, before, now)
        if not new:
            del sheet.edit.cells[row]

    def _change_content(
        self, new: dict[int, str], at: Mapping[Any, int], before: dict[str, Any], now: dict[str, Any]
    ) -> None:
        """Change the text of a source that stands in a cell, as in a workbook it must."""
        place = at.get((("text", "content"), None))
        was, wanted = ((each.get("text") or {}) for each in (before, now))
        if place is not None and isinstance(wanted, dict) and was != wanted and "content" in wanted:
            column = Column("text_content", ("text", "content"), "text", is_list=False)
            new[place] = cells.written(wanted["content"], column)

    def _new_column(self, sheet: _Changed, name: str) -> int:
        if name not in sheet.edit.columns:
            sheet.edit.columns.append(name)
        return len(sheet.header) + sheet.edit.columns.index(name)

    def _change_parts(
        self, layout: Layout, name: str, within: str, before: dict[str, Any], now: dict[str, Any]
    ) -> None:
        for key, each in layout.lists.items():
            was, wanted = before.get(key) or [], now.get(key) or []
            if was == wanted:
                continue
            assert each.part is not None  # only parts have tables of their own
            inner = part_layout(each.part)
            if was and self._before.place_of_part(name, within, key, 0) is None:
                self._keep_as_rows(name, key, inner, wanted)
            elif not wanted:
                for shown, row in self._before.rows_of_parts(name, (within, key)):
                    self._tables[shown].edit.gone.add(row)
            elif len(wanted) >= len(was):
                for number, (one, other) in enumerate(zip(was, wanted, strict=False)):
                    place = self._before.place_of_part(name, within, key, number)
                    assert place is not None  # it is among the rows that the list was made of
                    if one != other:
                        self._change_row(*place, inner, one, other)
                        self._change_parts(inner, name, f"{within}/{key}/{number + 1}".lstrip("/"), one, other)
                for part in wanted[len(was) :]:
                    assert not within  # commands add parts to records only
                    self._add(key, {OWNER: name, **row_of(inner, part)})
            else:
                self._refuse(f"has a list of {key} of which a part would go, which its tables cannot say")

    def _keep_as_rows(self, name: str, key: str, layout: Layout, wanted: list[dict[str, Any]]) -> None:
        """Put a transcript that stood in a file of subtitles into the table: subtitles have no word for a gap."""
        for suffix in TRANSCRIPTS:
            if (path := self._given / "transcripts" / f"{name}{suffix}").is_file():
                self._texts[path] = None
        for number, part in enumerate(wanted, 1):
            self._add(key, {OWNER: name, **row_of(layout, part)})
            for table, row in part_rows(layout, part, {OWNER: name}, f"{key}/{number}"):
                self._add(table, row)

    def _add(self, table: str, row: Mapping[str, str]) -> None:
        sheet = next((each for each in self._tables.values() if each.name == table), None)
        if sheet is None:
            path = self._given / f"{table}.csv"
            shown = path.name if self._given.is_dir() else f"{self._given.name}, sheet {table}"
            sheet = self._tables[shown] = _Changed(table, Table(table, shown, lambda: iter(()), path), [])
        named = {plain_name(each): each for each in sheet.header}
        for layout in layouts_of(table):
            named |= {
                column.name: each for each in sheet.header if (column := layout.column(plain_name(each))) is not None
            }
        mine = {}
        for key, value in row.items():
            if key not in named:
                self._new_column(sheet, key)
            mine[named.get(key, key)] = value
        sheet.edit.added.append(mine)

    def _name_by_identifier(self, renamed: Mapping[str, str]) -> None:
        """Let rows that named a record by what it was called name it by its identifier."""
        for sheet in self._tables.values():
            columns = [self._reference(sheet.name, plain_name(each)) for each in sheet.header]
            if not any(columns):
                continue
            for number, row in sheet.table.rows():
                if number == 1 or number in sheet.edit.gone:
                    continue
                for place, (column, cell) in enumerate(zip(columns, row, strict=False)):
                    if column is not None and cell.strip():
                        read = cells.read(cell, column)
                        new = self._renamed(read, column, renamed)
                        if new != read:
                            sheet.edit.cells.setdefault(number, {})[place] = cells.written(new, column)

    def _reference(self, table: str, name: str) -> Column | None:
        if name == OWNER and table in part_tables():
            return Column(name, (name,), "reference", is_list=False, types=RECORD_TYPES)
        if (kind := RECORD_TABLES.get(table)) is not None:
            found = self._own[kind].get(name) or record_layout(kind).column(name)
        else:
            found = next((each for layout in layouts_of(table) if (each := layout.column(name)) is not None), None)
        return found if found is not None and found.kind == "reference" else None

    def _renamed(self, read: Any, column: Column, renamed: Mapping[str, str]) -> Any:  # noqa: ANN401
        if isinstance(read, list):
            return [self._renamed(each, column, renamed) for each in read]
        if not isinstance(read, str) or is_identifier(read) or read not in renamed:
            return read
        return renamed[read] if self._before.named(read, column.types) == [renamed[read]] else read

    # --- What is written --------------------------------------------------------------------------------------------

    def _files_of_tables(self) -> dict[Path, bytes]:
        """Return the tables that change, as they are then."""
        files = {}
        for sheet in self._tables.values():
            if not sheet.edit:
                continue
            assert sheet.table.file is not None  # a folder's tables are files
            try:
                files[sheet.table.file] = (
                    edited(sheet.table.file.read_bytes(), sheet.header, sheet.edit)
                    if sheet.header
                    else new_table(sheet.edit.columns, sheet.edit.added)
                )
            except TableRefused as refused:
                self._refuse(f"cannot be changed ({sheet.table.shown}: {refused})")
        return files

    def _stage(self, folder: Path, files: Mapping[Path, bytes | None]) -> None:
        """Make a folder of the tables as they will be."""
        for path in (*self._files(), *(each for each in files if not each.exists())):
            target = folder / path.relative_to(self._given)
            target.parent.mkdir(parents=True, exist_ok=True)
            if path not in files:
                _linked(path, target)
            elif (data := files[path]) is not None:
                target.write_bytes(data)

    def _compare(self, folder: Path) -> None:
        """Compile the tables as they will be. Raises EditRefused where they say anything else than the changed file."""
        # Places are looked up in it when the change is done: it goes when nobody can ask any more.
        kept = ExitStack()
        weakref.finalize(self, kept.close)
        self._after = self._compiled(folder, kept)
        lines = {key: number for number, (key, _) in enumerate(_records(self._after.path), 2)}
        if _digests(self._after.path) != _digests(self.file):
            self._refuse("keeps this in a way that cannot be changed without changing more")
        # Rows may stand in another order in the file that was changed: new withdrawals do.
        for number, (key, _) in enumerate(_records(self.file), 2):
            self._places[f"line {number}"] = f"line {lines[key]}"

    def _replace(self, files: Mapping[Path, bytes | None]) -> None:
        with transaction(self._given) as change:
            for path, data in files.items():
                name = str(path.relative_to(self._given))
                if data is None:
                    change.remove(name)
                else:
                    with change.file(name) as file:
                        file.write(data)

    def _refuse_workbook(self) -> None:
        """Say what to change in a workbook by hand: sheets, rows and columns, never a name or other words."""
        told = list(self._by_hand())
        more = [f"and {len(told) - _BY_HAND} more"] if len(told) > _BY_HAND else []
        raise EditRefused(
            f"{self._given} is a workbook, and those are never written to; nothing was changed. Change this in a spreadsheet "
            "program, save it, and run `check`; or save each sheet as CSV into a folder, where the command does it:\n"
            + "\n".join(f"- {each}" for each in [*told[:_BY_HAND], *more])
        )

    def _by_hand(self) -> Iterator[str]:
        for shown, sheet in self._tables.items():
            names = [*sheet.header, *sheet.edit.columns]
            for row, new in sorted(sheet.edit.cells.items()):
                for place, value in sorted(new.items()):
                    yield f"{shown}, row {row}, column {names[place]}: {_what(names[place], value)}"
            if gone := sorted(sheet.edit.gone, reverse=True):
                yield f"{shown}: delete the rows {', '.join(map(str, gone))}, in this order"
            for added in sheet.edit.added:
                if sheet.name in (WITHDRAWN, "redactions"):
                    said = ", ".join(f"{key} {value}" for key, value in added.items())
                    yield f"{shown}: add a row with {said}"


def _what(column: str, value: str) -> str:
    if not value:
        return "empty it"
    if column in _TOLD or is_identifier(value):
        return f"write {value}"
    if column == "text_content":
        return "write █ for each character of the passage"
    if column.startswith("access_private"):
        return 'write the name as {"names": ["…"]}, beside what is there'
    return "write the identifier in place of the name" if column.endswith(("_id", "_ids")) else "change it"


def _records(path: Path) -> Iterator[tuple[tuple[str, str], dict[str, Any]]]:
    """Yield each line of an archive file after its head: the type and identifier, and the record as JSON."""
    with path.open("rb") as file:
        next(file)
        for line in file:
            value = orjson.loads(line)
            kind = value.pop("record")
            yield (kind, str(value.get("id"))), value


def _digests(path: Path) -> dict[tuple[str, str], bytes]:
    return {
        key: hashlib.sha256(orjson.dumps(value, option=orjson.OPT_SORT_KEYS)).digest() for key, value in _records(path)
    }


def _labels(record: Mapping[str, Any]) -> set[str]:
    return {text.strip() for key in LABELS if isinstance(text := record.get(key), str)}


def _linked(path: Path, target: Path) -> None:
    try:
        target.hardlink_to(path)
    except OSError:  # a file system without them
        shutil.copyfile(path, target)
