"""Tables of Uwazi, as its import takes them and as its export gives them out: languages as columns (`title__es`), several values
with `|`, terms below terms with `::`, titles of other entities as relationships, files by name, points as `lat|lon`, ranges of
days with `~`.
"""

import hashlib
import mimetypes
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import filetype
import langcodes

from service.archive.files import open_inside
from service.archive.progress import Progress, silent
from service.bringing.brought import UNKNOWN_RIGHTS, Brought
from service.bringing.foreign import BETWEEN, ForeignRow, foreign_rows
from service.bringing.into import Present
from service.bringing.mapped import Mapping
from service.bringing.maps import ColumnMap, Map
from service.bringing.suggesting import own_name, suggest
from service.errors import BringRefused, FileChanged, FileUnsafe

_IN_LANGUAGE = re.compile(r"(.+)__([a-z]{2,3})")
#: Columns with names of files, or with their addresses in the instance.
_FILES = frozenset({"file", "attachments", "documents"})
#: Two days: an import has a colon between them, an export a tilde.
_RANGE = re.compile(r"(\d{4}-\d{2}-\d{2})?\s*[~:]\s*(\d{4}-\d{2}-\d{2})?")
#: Names of files that are told of one column.
_TOLD = 10
#: Bytes that tell what a file is.
_BEGINNING = 8192


def bring_entities(
    files: Iterable[Path], present: Present, *, radius_m: float | None = None, progress: Progress = silent
) -> Brought:
    """Return an event for each row of tables.

    Args:
        files: tables of Uwazi. Files that they name are looked for beside them.
        present: what is in the folder that it is brought into: relationships may lead there, and its fields stay what they are.
        radius_m: how far off points may be, in metres; without it they are kept and never published.
        progress: told the rows read.

    Raises:
        BringRefused: for a file that is no table of Uwazi.
    """
    brought = Brought("uwazi")
    tables = [(file, [_with_ranges(row) for row in foreign_rows(file, brought)]) for file in files]
    titles = {label for label, named in present.labels().items() if any(name.startswith("evt-") for name in named)}
    entities = [_Entities(brought, file, rows, present) for file, rows in tables]
    titles.update(title for each in entities for title in each.titles())
    for each in entities:
        each.bring(titles, radius_m, progress)
    return brought


def _with_ranges(row: ForeignRow) -> ForeignRow:
    """Return a row with ranges of days written as the archive does, open where one of the days is missing."""
    cells = {
        name: f"{found.group(1) or '..'}/{found.group(2) or '..'}"
        if (found := _RANGE.fullmatch(text)) and any(found.groups())
        else text
        for name, text in row.cells.items()
    }
    return replace(row, cells=cells)


def _base(name: str) -> tuple[str, str | None]:
    """Return a column's name as Uwazi compares names, and the language that it is in."""
    plain = re.sub(r"\s+", "_", name.strip().lower())
    found = _IN_LANGUAGE.fullmatch(plain)
    if found is None or not langcodes.tag_is_valid(found.group(2)):
        return plain, None
    return found.group(1), found.group(2)


class _Entities:
    """The rows of one table of Uwazi."""

    def __init__(self, brought: Brought, file: Path, rows: list[ForeignRow], present: Present) -> None:
        self._brought, self._file, self._rows, self._present = brought, file, rows, present
        self._names = dict.fromkeys(name for row in rows for name in row.cells)
        languages = [language for name in self._names if (language := _base(name)[1])]
        self._language = "en" if "en" in languages else languages[0] if languages else "und"
        #: Columns of an export that say whether an entity is published.
        self._published = [
            name
            for name in self._names
            if {text.lower() for row in rows if (text := row.cells.get(name))} <= {"published", "unpublished"}
        ]
        self._title = self._column_of_titles()
        self._declared: dict[str, dict[str, Any]] = {
            each["name"]: each for each in present.head.get("fields", {}).get("event", ())
        }
        #: How often a title was seen: a table names entities by nothing else.
        self._seen: Counter[str] = Counter()
        self._missing: dict[str, list[str]] = {}

    def titles(self) -> Iterator[str]:
        """Yield what the entities are called, in the language that they are brought in."""
        return (title for row in self._rows if (title := row.cells.get(self._title)))

    def bring(self, titles: set[str], radius_m: float | None, progress: Progress) -> None:
        """Add an event for each row. `titles` are those that a relationship may name."""
        how = self._map(titles, radius_m)
        keys = {row.number: self._key(row) for row in self._rows}
        Mapping(self._brought, self._file, how, key_of=lambda row: keys[row.number]).bring(
            self._rows, progress=progress
        )
        for row in self._rows:
            event = self._brought.identifier("event", f"{self._file.name} {keys[row.number]}")
            self._hide(row, event)
            self._add_files(row, event, keys[row.number])
        for name, missing in self._missing.items():
            told = ", ".join(missing[:_TOLD]) + ", …" * (len(missing) > _TOLD)
            self._leave(
                f"column {name}",
                f"files ({told})",
                "they do not lie beside the table; their names are kept, unpublished",
            )

    def _column_of_titles(self) -> str:
        named = [name for name in self._names if _base(name)[0] == "title"]
        in_language = [name for name in named if _base(name)[1] == self._language]
        if named:
            return (in_language or named)[0]
        if self._published:
            return next(iter(self._names))  # an export in a language of which the names of columns are not known
        raise BringRefused(f"{self._file}: no column is named title, as every table of Uwazi has one")

    def _key(self, row: ForeignRow) -> str:
        title = row.cells.get(self._title, "") or f"row {row.number}"
        self._seen[title] += 1
        if (number := self._seen[title]) == 1:
            return title
        self._leave(f"row {row.number}", "an entity called like another", "they are told apart by their order alone")
        return f"{title} {number}"

    # --- What columns become --------------------------------------------------------------------------------------------

    def _map(self, titles: set[str], radius_m: float | None) -> Map:
        """Return what each column becomes: what Uwazi's own columns mean is not said by their names, so they are own fields."""
        guessed = suggest(self._rows, language=self._language, only_own=True)
        point = None if guessed.point is None else guessed.point.model_copy(update={"radius_m": radius_m})
        columns = {
            name: self._column(name, guessed.columns[name], titles)
            for name in self._names
            if point is None or name not in point.columns
        }
        constants = {"type": "other"}
        return Map(key=[self._title], language=self._language, constants=constants, columns=columns, point=point)

    def _column(self, name: str, guessed: ColumnMap, titles: set[str]) -> ColumnMap:
        base, language = _base(name)
        other = language if language not in (None, self._language) else None
        if base == "title" or name == self._title:
            return ColumnMap(field="title", language=other)
        own = own_name(f"{base}_{other}" if other else base, "event")
        if base in _FILES:
            return ColumnMap(field=f"private.{own}", many=BETWEEN)
        if guessed.field is not None and guessed.field.startswith("private."):
            self._leave(f"column {name}", "the column", "it may tell who somebody is: it is kept, unpublished")
            return guessed
        label = base.replace("_", " ").capitalize() + (f" ({other})" if other else "")
        return self._own_column(name, own, label, guessed, titles)

    def _own_column(self, name: str, own: str, label: str, guessed: ColumnMap, titles: set[str]) -> ColumnMap:
        values = {part.strip() for row in self._rows for part in row.cells.get(name, "").split(BETWEEN)} - {""}
        if (declared := self._declared.get(own)) is not None:
            many = BETWEEN if declared.get("many") else None
            kind, vocabulary, to = declared["kind"], declared.get("vocabulary"), declared.get("to", [])
            return ColumnMap(
                field=f"custom.{own}",
                label=label,
                kind=kind,
                vocabulary=vocabulary,
                to=to,
                many=many,
                date=guessed.date,
            )
        # A name may be written wrongly, or belong to a table that is brought later: half of them have to be known.
        if values and 2 * len(values & titles) >= len(values):
            return ColumnMap(field=f"custom.{own}", label=label, kind="reference", to=["event"], many=BETWEEN)
        if guessed.field is None or not guessed.field.startswith("custom."):
            return ColumnMap(field=f"custom.{own}", label=label, kind="text", many=guessed.many)
        vocabulary = own if guessed.kind == "term" else None
        return guessed.model_copy(update={"field": f"custom.{own}", "label": label, "vocabulary": vocabulary})

    # --- What an entity has beside its columns ----------------------------------------------------------------------------

    def _hide(self, row: ForeignRow, event: str) -> None:
        """Restrict an entity that the instance does not publish."""
        if any(row.cells.get(name, "").lower() == "unpublished" for name in self._published):
            self._brought.records[event][1].setdefault("access", {})["visibility"] = "restricted"

    def _add_files(self, row: ForeignRow, event: str, key: str) -> None:
        """Add the files of an entity that lie beside the table, as those of a source that the event is cited from."""
        files: dict[str, dict[str, Any]] = {}
        for column in (column for column in row.cells if _base(column)[0] in _FILES):
            for written in filter(None, (part.strip() for part in row.cells[column].split(BETWEEN))):
                # An export has addresses: the name stands at their end.
                name = unquote(written.rpartition("/")[2])
                if name in files:
                    continue
                if (file := self._file_named(name)) is None:
                    self._missing.setdefault(column, []).append(name)
                else:
                    language = _base(column)[1]
                    files[name] = file | ({"language": language} if language else {})
        if not files:
            return
        _, record = self._brought.records[event]
        fields = {
            "type": "document",
            "title": record.get("title", key),
            "language": self._language,
            "rights": UNKNOWN_RIGHTS,
            "files": list(files.values()),
        }
        access = record.get("access", {}).get("visibility")
        source = self._brought.add(
            "source",
            f"{self._file.name} {key} files",
            fields | ({"access": {"visibility": access}} if access else {}),
        )
        record["citations"].append({"source": source})

    def _file_named(self, name: str) -> dict[str, Any] | None:
        """Return a file that lies beside the table, as the format has it; None where there is none."""
        if not name or name.startswith(".") or "\\" in name or not name.isprintable():
            return None
        folder = self._file.absolute().parent
        digest, size, beginning = hashlib.sha256(), 0, b""
        try:
            with open_inside(folder, name) as file:
                for piece in file.pieces():
                    beginning = beginning or piece[:_BEGINNING]
                    size += len(piece)
                    digest.update(piece)
        except (OSError, FileUnsafe, FileChanged, ValueError):
            return None
        sha256 = digest.hexdigest()
        path = self._place_for(name, folder / name, sha256)
        return {
            "name": name,
            "path": path,
            "media_type": filetype.guess_mime(beginning) or mimetypes.guess_type(name)[0] or "application/octet-stream",
            "bytes": size,
            "sha256": sha256,
            "role": "original",
        }

    def _place_for(self, name: str, file: Path, sha256: str) -> str:
        """Return where a file is kept beside the tables, and have it copied there unless it is. Another of its name stays."""
        path = f"media/{name}"
        taken = self._brought.files.get(path) or self._present.folder / path
        if taken.is_file() and taken != file and _sha256(taken) != sha256:
            path = f"media/{sha256[:8]}-{name}"
        there = self._present.folder / path
        if not there.is_file() or _sha256(there) != sha256:
            self._brought.files[path] = file
        return path

    def _leave(self, where: str, what: str, why: str) -> None:
        self._brought.leave(self._file, where, what, why)


def _sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
