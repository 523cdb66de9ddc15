"""Which tables an archive has, and which columns, read off the fields of the format.

Each type of record has a table named after its collection. Each list of parts, such as `citations`, has one table for all
records, whose first columns say whose part a row is. A part that a record has once, such as `text` of a source, has its
fields in the record's own row.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from types import NoneType
from typing import Literal, get_args

from pydantic import AfterValidator

from service.archive.fields import FormatField, archive_fields, fields_of
from service.archive.identifiers import PLURALS, RECORD_TYPES, RecordType
from service.archive.marks import Translated
from service.archive.model import RECORD_MODELS, Part

#: The file with the head, and the sheet of a workbook that has it.
HEAD_FILE, HEAD_SHEET = "archive.toml", "archive"
#: The table of records that were withdrawn, which are no records.
WITHDRAWN = "withdrawn"
#: The columns that say whose part a row is: the record's identifier, and of a part's part where in the record it is.
OWNER, WITHIN = "record_id", "within"
#: What tables are named after, and the type of record they hold.
RECORD_TABLES: Mapping[str, RecordType] = {plural: kind for kind, plural in PLURALS.items()}

#: What a cell holds, beside the kinds of fields: a text in another language, or a value as JSON.
CellKind = Literal["text", "term", "number", "truth", "date", "reference", "object"]

#: The columns of the API's CSV that say again what another says, or that the engine makes.
_DERIVED = re.compile(
    r"record|url|version|updated_at|language_of|translation_languages|cite_as|referred_by|page_url|has_\w+|evidence|.+_(labels?|earliest|latest|open_end|country)"
)


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table: the keys that lead to its value in the record or part, and what a cell of it holds."""

    name: str
    path: tuple[str, ...]
    kind: CellKind
    is_list: bool
    #: Of a reference, the types of records it may name.
    types: tuple[RecordType, ...] = ()
    #: Of a text in another language, which one; it then lies under `translations`.
    language: str | None = None


class Layout:
    """The columns of one kind of row, by name, and the lists of parts that it may have in tables of their own."""

    def __init__(self, fields: tuple[FormatField, ...]) -> None:
        self.columns: dict[str, Column] = {column.name: column for column in _columns(fields, ())}
        #: By the keys that lead to them.
        self.lists: dict[str, FormatField] = {
            each.name: each for each in fields if each.part is not None and each.is_list
        }
        self._translated = {each.name: each for each in fields if _may_be_translated(each, fields)}
        self._aliases = {alias: column for column in self.columns.values() for alias in _aliases(column)}
        self._by_path = {column.path: column for column in reversed(self.columns.values())}

    def column(self, name: str) -> Column | None:
        """Return the column that a header names, also under the names that the API's CSV has; None for none."""
        if (found := self.columns.get(name) or self._aliases.get(name)) is not None:
            return found
        text, at, language = name.partition("@")
        if at and text in self._translated:
            each = self._translated[text]
            return Column(name, (text,), "text", each.is_list, language=language)
        if name.startswith("access_private_"):
            return Column(name, ("access", "private", name.removeprefix("access_private_")), "text", is_list=False)
        return None

    def is_derived(self, name: str) -> bool:
        """Tell whether a column of the API's CSV only repeats what others say."""
        return _DERIVED.fullmatch(name) is not None

    def named(self, path: tuple[str, ...]) -> str:
        """Return the name of the column whose value these keys lead to."""
        if path[:1] == ("translations",) and len(path) > 2:
            is_own = path[2] == "custom" and len(path) > 3
            return f"{'.'.join(path[2:4]) if is_own else path[2]}@{path[1]}"
        while path:
            if (found := self._by_path.get(path)) is not None:
                return found.name
            path = path[:-1]
        return ""


@cache
def record_layout(kind: RecordType) -> Layout:
    """Return the layout of the table of a type of record."""
    return Layout(fields_of(RECORD_MODELS[kind]))


@cache
def nullable(kind: RecordType) -> tuple[str, ...]:
    """Return the fields that a record must have and that may be null: an empty cell is a null there."""
    fields = RECORD_MODELS[kind].model_fields.items()
    return tuple(name for name, each in fields if each.is_required() and NoneType in get_args(each.annotation))


@cache
def part_layout(part: type[Part]) -> Layout:
    """Return the layout of rows that hold a part."""
    return Layout(fields_of(part))


@cache
def part_tables() -> frozenset[str]:
    """Return the names of the tables of parts."""

    def walk(fields: tuple[FormatField, ...]) -> Iterator[str]:
        for each in fields:
            if each.part is not None:
                if each.is_list:
                    yield each.name
                yield from walk(each.inner)

    return frozenset(name for record in archive_fields() for name in walk(record.fields))


#: What cells of an own field hold, by its kind.
_OWN_KINDS: Mapping[str, CellKind] = {
    "text": "text",
    "term": "term",
    "number": "number",
    "boolean": "truth",
    "date": "date",
    "url": "term",
    "reference": "reference",
}


def own_columns(head: object, kind: RecordType) -> dict[str, Column]:
    """Return the columns of an archive's own fields, by name, as its head declares them. What is not sound in the head is
    passed over: the checks tell of it.
    """
    fields = head.get("fields") if isinstance(head, dict) else None
    declared = fields.get(kind) if isinstance(fields, dict) else None
    columns = {}
    for each in declared if isinstance(declared, list) else ():
        name = each.get("name") if isinstance(each, dict) else None
        if isinstance(name, str) and each.get("kind") in _OWN_KINDS:
            to = [record for record in each.get("to") or RECORD_TYPES if record in RECORD_TYPES]
            own = Column(
                f"custom.{name}", ("custom", name), _OWN_KINDS[each["kind"]], each.get("many") is True, tuple(to)
            )
            columns[own.name] = own
    return columns


def own_column(own: Mapping[str, Column], name: str) -> Column | None:
    """Return the column of an own field that a header names, perhaps in another language; None for none."""
    if (found := own.get(name)) is not None:
        return found
    field, at, language = name.rpartition("@")
    if at and (found := own.get(field)) is not None and found.kind == "text":
        return replace(found, name=name, language=language)
    return None


def layout_within(kind: RecordType, steps: tuple[str, ...]) -> Layout | None:
    """Return the layout of the rows of a list of parts, by the names of the lists that lead to it from the record."""
    layout = record_layout(kind)
    for step in steps:
        field = layout.lists.get(step)
        if field is None or field.part is None:
            return None
        layout = part_layout(field.part)
    return layout


def layouts_of(table: str) -> list[Layout]:
    """Return the layouts that rows of a table of parts may have."""
    found: list[Layout] = []

    def walk(layout: Layout) -> None:
        for name, each in layout.lists.items():
            assert each.part is not None  # only parts have tables of their own
            inner = part_layout(each.part)
            if name == table and inner not in found:
                found.append(inner)
            walk(inner)

    for kind in RECORD_TYPES:
        walk(record_layout(kind))
    return found


def _columns(fields: tuple[FormatField, ...], path: tuple[str, ...]) -> Iterator[Column]:
    for each in fields:
        here = (*path, each.name)
        name = "_".join(here)
        # An archive's own fields have columns of their own, by what its head declares.
        if each.name in ("translations", "custom") or (each.part is not None and each.is_list):
            continue
        if each.part is not None:
            yield from _columns(each.inner, here)
        elif each.kind == "reference":
            yield Column(_reference_name(name, is_list=each.is_list), here, "reference", each.is_list, each.types)
        else:
            # The API's CSV has the address of a record itself under `url`.
            yield Column("source_url" if here == ("url",) else name, here, _cell_kind(each), each.is_list)


def _cell_kind(each: FormatField) -> CellKind:
    assert each.kind != "part"  # a part has columns of its own
    # A text of a given form, such as a language or a day, is no text to be read: spaces around it mean nothing.
    has_form = each.name == "id" or any(isinstance(mark, AfterValidator) for mark in each.marks)
    if each.kind == "claimed":  # read as the date, the identifier or the word that it is
        return "term"
    return "term" if each.kind == "text" and has_form else each.kind


def _reference_name(name: str, *, is_list: bool) -> str:
    return f"{name.removesuffix('s')}_ids" if is_list else f"{name}_id"


def _aliases(column: Column) -> Iterator[str]:
    """Yield the other names that a column may have."""
    plain = "_".join(column.path)
    yield plain
    if column.kind == "reference":
        singular = plain.removesuffix("s") if column.is_list else plain
        yield f"{singular}_labels" if column.is_list else f"{plain}_label"
    if column.kind == "date":
        yield f"{plain}_edtf"


def _may_be_translated(each: FormatField, fields: tuple[FormatField, ...]) -> bool:
    if each.mark(Translated) is not None:
        return True
    # A part says which of its texts may be translated by the model of its translations, whose texts have the same names.
    return each.kind == "text" and any(
        other.name == "translations" and each.name in _texts_of(other.annotation) for other in fields
    )


def _texts_of(translations: object) -> frozenset[str]:
    """Return the texts that a field of translations may hold, given what it holds for each language."""
    models = [model for model in get_args(translations) if isinstance(model, type) and issubclass(model, Part)]
    return frozenset(name for model in models for name in model.model_fields)
