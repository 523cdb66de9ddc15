"""Tables of Uwazi: languages as columns (`title__es`), several values with `|`, terms below terms with `::`, titles of other
rows as relationships, files by name, points as `lat|lon`.
"""

import re
from collections.abc import Iterable
from pathlib import Path

import langcodes

from service.bringing.brought import Brought
from service.bringing.foreign import BETWEEN, ForeignRow, foreign_rows
from service.bringing.mapped import Mapping
from service.bringing.maps import ColumnMap, Map, own_name, suggest
from service.errors import BringRefused

_IN_LANGUAGE = re.compile(r"(.+)__([a-z]{2,3})")
#: Columns with names of files: what they hold does not come with the table.
_FILES = frozenset({"file", "attachments"})


def bring_entities(files: Iterable[Path]) -> Brought:
    """Return an event for each row of tables. Raises BringRefused for a file that is no table."""
    brought = Brought("uwazi")
    tables = [(file, list(foreign_rows(file, brought))) for file in files]
    titles = {row.cells[name] for _, rows in tables for row in rows for name in row.cells if _base(name)[0] == "title"}
    for file, rows in tables:
        Mapping(brought, file, _Entities(brought, file, rows, titles).map()).bring(rows)
    return brought


def _base(name: str) -> tuple[str, str | None]:
    """Return a column's name as Uwazi compares names, and the language that it is in."""
    plain = re.sub(r"\s+", "_", name.strip().lower())
    found = _IN_LANGUAGE.fullmatch(plain)
    if found is None or not langcodes.tag_is_valid(found.group(2)):
        return plain, None
    return found.group(1), found.group(2)


class _Entities:
    """The rows of one table of Uwazi."""

    def __init__(self, brought: Brought, file: Path, rows: list[ForeignRow], titles: set[str]) -> None:
        self._brought, self._file, self._rows, self._titles = brought, file, rows, titles
        self._names = dict.fromkeys(name for row in rows for name in row.cells)
        languages = [language for name in self._names if (language := _base(name)[1])]
        self._language = "en" if "en" in languages else languages[0] if languages else "und"

    def map(self) -> Map:
        """Return what each column becomes: what Uwazi's own columns mean is not said by their names, so they are own fields."""
        guessed = suggest(self._rows, language=self._language).columns
        columns = {name: self._column(name, guessed[name]) for name in self._names}
        title = next((name for name, each in columns.items() if each.field == "title" and each.language is None), None)
        if title is None:
            raise BringRefused(f"{self._file}: no column is named title, as every table of Uwazi has one")
        return Map(key=[title], language=self._language, constants={"type": "other"}, columns=columns)

    def _column(self, name: str, guessed: ColumnMap) -> ColumnMap:
        base, language = _base(name)
        other = language if language not in (None, self._language) else None
        if base == "title":
            return ColumnMap(field="title", language=other)
        label = base.replace("_", " ").capitalize() + (f" ({other})" if other else "")
        own = own_name(f"{base}_{other}" if other else base, "event")
        values = {part.strip() for row in self._rows for part in row.cells.get(name, "").split(BETWEEN)} - {""}
        if base in _FILES:
            self._leave(
                name, "files", "they do not come with the table: put them into media/, and name them in files.csv"
            )
            return ColumnMap(field=f"custom.{own}", label=label, kind="text", many=BETWEEN)
        if guessed.leave is not None:
            return guessed
        if values and self._titles >= values:
            self._leave(name, "relationships", "they are kept as titles: name them in relations.csv")
        if guessed.field is None or not guessed.field.startswith("custom."):
            return ColumnMap(field=f"custom.{own}", label=label, kind="text", many=guessed.many)
        vocabulary = own if guessed.kind == "term" else None
        return guessed.model_copy(update={"field": f"custom.{own}", "label": label, "vocabulary": vocabulary})

    def _leave(self, name: str, what: str, why: str) -> None:
        self._brought.leave(self._file, f"column {name}", what, why)
