"""The columns of a record as one row of a table: which there are, in which order, and what a cell holds.

The columns of a collection are always the same, whether or not any record has a value. A column belongs to one
top-level key of the record, so that `fields` picks columns as it picks keys. Knows no file format and no HTTP.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from service.archive.fields import FormatField, Kind, RecordFields
from service.archive.marks import ShownAsPresence
from service.archive.model import Act, Citation, Participant

#: What a cell holds. None is an empty cell; numbers stay numbers.
Cell = str | int | float | None
Document = dict[str, Any]

# What makes a spreadsheet take a text for a formula (OWASP, "CSV Injection"), also in full width. Apostrophes before it
# count too, so that taking one away gives the text back.
_FORMULA = re.compile("'*[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
_FORMULA_STARTS = frozenset("'=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")


def harmless(text: str | None) -> str | None:
    """Return a text that no spreadsheet runs as a formula: with an apostrophe before it where one would."""
    if text and text[0] in _FORMULA_STARTS and _FORMULA.match(text):
        return "'" + text
    return text


def joined(values: Iterable[str | None]) -> str:
    r"""Return a list as one text: `|` between values, `\|` and `\\` for these characters inside one."""
    return "|".join(["" if value is None else _escaped(value) for value in values])


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("|", "\\|") if "|" in value or "\\" in value else value


@dataclass(frozen=True, slots=True)
class Around:
    """What cells need beyond the record itself: where records of its type are served, and addresses of sources."""

    #: The absolute address of the collection, with a slash at the end.
    address: str
    #: The URL of each source that the rows at hand cite.
    source_urls: Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of one top-level key. `cells` returns one cell for each name."""

    key: str
    names: tuple[str, ...]
    cells: Callable[[Any, Around], tuple[Cell, ...]]


# --- Kinds of keys --------------------------------------------------------------------------------------------------


def _id(key: str) -> Columns:
    return Columns(key, ("id", "url"), lambda value, around: (value, around.address + value))


def _as_is(key: str) -> Columns:
    """A number, or one of a fixed set of words."""
    return Columns(key, (key,), lambda value, _: (value,))


def _truth(key: str) -> Columns:
    return Columns(key, (key,), lambda value, _: (None if value is None else "true" if value else "false",))


def _text(key: str) -> Columns:
    return Columns(key, (key,), lambda value, _: (harmless(value),))


def _texts(key: str) -> Columns:
    return Columns(key, (key,), lambda values, _: (harmless(joined(values)),))


def _reference(key: str) -> Columns:
    def cells(value: Document | None, _: Around) -> tuple[Cell, ...]:
        return (None, None) if value is None else (value["id"], harmless(value["label"]))

    return Columns(key, (f"{key}_id", f"{key}_label"), cells)


def _place(key: str) -> Columns:
    def cells(value: Document | None, _: Around) -> tuple[Cell, ...]:
        return (None, None, None) if value is None else (value["id"], harmless(value["label"]), value["country"])

    return Columns(key, (f"{key}_id", f"{key}_label", f"{key}_country"), cells)


def _references(key: str, singular: str) -> Columns:
    def cells(values: list[Document], _: Around) -> tuple[Cell, ...]:
        if not values:
            return (None, None)
        return _joined_ids(values), harmless(joined([value["label"] for value in values]))

    return Columns(key, (f"{singular}_ids", f"{singular}_labels"), cells)


def _date(key: str) -> Columns:
    def cells(value: Document | None, _: Around) -> tuple[Cell, ...]:
        if value is None:
            return (None, None, None, None, None)
        goes_on = "true" if value["open_end"] else "false"
        return value["edtf"], value["earliest"], value["latest"], goes_on, harmless(value["note"])

    return Columns(key, tuple(f"{key}_{part}" for part in ("edtf", "earliest", "latest", "open_end", "note")), cells)


def _citations() -> Columns:
    """One entry for each citation in each column, in the same order."""

    def cells(citations: list[Document], around: Around) -> tuple[Cell, ...]:
        if len(citations) == 1:
            [citation] = citations
            source = citation["source"]
            return (
                source["id"],
                harmless(_escaped(source["label"])),
                harmless(_escaped(around.source_urls[source["id"]] or "")),
                citation["evidence"],
                _passage(citation),
                harmless(_escaped(citation["note"] or "")),
            )
        sources = [citation["source"] for citation in citations]
        return (
            _joined_ids(sources),
            harmless(joined([source["label"] for source in sources])),
            harmless(joined([around.source_urls[source["id"]] for source in sources])),
            "|".join([citation["evidence"] for citation in citations]),
            harmless("|".join([_passage(citation) for citation in citations])),
            harmless(joined([citation["note"] for citation in citations])),
        )

    names = ("source_ids", "source_labels", "source_urls", "evidence", "passages", "citation_notes")
    return Columns("citations", names, cells)


def _passage(citation: Document) -> str:
    """Return where in its source a citation points: `120-180` in code points, `page 5`, `time 61.5-70` in seconds."""
    if citation["start"] is not None:
        return f"{citation['start']}-{citation['end']}"
    if citation["page"] is not None:
        return _escaped(f"page {citation['page']}")
    if citation["time"] is not None:
        start, end = citation["time"]
        return f"time {start:g}-{end:g}"
    return ""


def _participants() -> Columns:
    def cells(participants: list[Document], _: Around) -> tuple[Cell, ...]:
        agents = [participant["agent"] for participant in participants]
        return (
            _joined_ids(agents),
            harmless(joined([agent["label"] for agent in agents])),
            harmless(joined([participant["role"] for participant in participants])),
        )

    return Columns("participants", ("participant_ids", "participant_labels", "participant_roles"), cells)


_ACT_COLUMNS = (
    "act_types",
    "act_descriptions",
    "act_statuses",
    "act_victim_ids",
    "act_victim_labels",
    "act_actor_ids",
    "act_actor_labels",
    "act_asserted_by_ids",
    "act_asserted_by_labels",
    "act_response_ids",
    "act_response_kinds",
    "act_source_ids",
    "act_source_urls",
)


def _acts() -> Columns:
    """One entry for each act in each column, in the same order; what an act has several of stands in its entry with
    spaces between.
    """

    def cells(acts: list[Document], around: Around) -> tuple[Cell, ...]:
        if not acts:
            return (None,) * len(_ACT_COLUMNS)
        sources = [[citation["source"]["id"] for citation in act["citations"]] for act in acts]
        parties = [[act["victim"] or _NOBODY, act["actor"] or _NOBODY, act["asserted_by"]] for act in acts]
        return (
            harmless(joined([act["type"] for act in acts])),
            harmless(joined([act["description"] for act in acts])),
            "|".join([act["status"] for act in acts]),
            *(
                cell
                for position in range(3)
                for cell in (
                    _joined_ids([each[position] for each in parties]),
                    harmless(joined([each[position]["label"] for each in parties])),
                )
            ),
            "|".join([" ".join([response["id"] for response in act["responses"]]) for act in acts]),
            "|".join([" ".join([response["kind"] for response in act["responses"]]) for act in acts]),
            "|".join([" ".join(ids) for ids in sources]),
            harmless(joined([" ".join([around.source_urls[each] or "" for each in ids]) for ids in sources])),
        )

    return Columns("acts", _ACT_COLUMNS, cells)


def _claimed(key: str) -> Columns:
    """What is claimed of a field: a date as it was stated, the identifier of a place, or the word itself."""

    def cells(value: Document | str, _: Around) -> tuple[Cell, ...]:
        return (value if isinstance(value, str) else value["edtf"] if "edtf" in value else value["id"],)

    return Columns(key, (key,), cells)


def _related_from() -> Columns:
    def cells(related: list[Document], _: Around) -> tuple[Cell, ...]:
        if not related:
            return (None, None, None)
        origins = [each["from"] for each in related]
        types = "|".join([each["type"] for each in related])
        return types, _joined_ids(origins), harmless(joined([each["label"] for each in origins]))

    return Columns("related_from", ("related_from_types", "related_from_ids", "related_from_labels"), cells)


_NOBODY = {"id": "", "label": ""}


def _joined_ids(references: Iterable[Document]) -> str:
    # Identifiers hold nothing that needs an escape.
    return "|".join([reference["id"] for reference in references])


def _translations(between: str = "|") -> Columns:
    """The languages that a record or a part of one is translated into; what it says there is not in tables."""
    return Columns("translations", ("translation_languages",), lambda value, _: (between.join(value) or None,))


def _language_of() -> Columns:
    def cells(languages: Document, _: Around) -> tuple[Cell, ...]:
        return ("|".join(f"{name}={language}" for name, language in languages.items()),)

    return Columns("language_of", ("language_of",), cells)


def _access() -> Columns:
    def cells(access: Document, _: Around) -> tuple[Cell, ...]:
        consent = access["consent"] or {"scope": (), "expires": None}
        return access["visibility"], access["consent_basis"], "|".join(consent["scope"]) or None, consent["expires"]

    names = ("visibility", "consent_basis", "consent_scope", "consent_expires")
    return Columns("access", tuple(f"access_{name}" for name in names), cells)


def _list_of_parts(each: FormatField) -> Columns:
    """One column for each field of the parts, with one entry for each part, in the same order."""
    inner = [columns for part in each.inner for columns in _columns(part)]
    names = tuple(f"{_singular(each.name)}_{name}" for columns in inner for name in columns.names)
    plan, nothing = [(columns.key, columns.cells) for columns in inner], (None,) * len(names)

    def cells(parts: list[Document], around: Around) -> tuple[Cell, ...]:
        if not parts:
            return nothing
        rows = []
        for part in parts:
            row: list[Cell] = []
            for key, read in plan:
                row += read(part[key], around)
            rows.append(row)
        if len(rows) == 1:  # as most are
            return tuple(["" if cell is None else _escaped(_as_text(cell) or "") for cell in rows[0]])
        return tuple([joined([_as_text(cell) for cell in column]) for column in zip(*rows, strict=True)])

    return Columns(each.name, names, cells)


def _one_part(each: FormatField) -> Columns:
    """One column for each field of the part."""
    inner = [columns for part in each.inner if part.is_shown for columns in _columns(part)]
    names = tuple(f"{each.name}_{name}" for columns in inner for name in columns.names)

    def cells(part: Document | None, around: Around) -> tuple[Cell, ...]:
        if part is None:
            return (None,) * len(names)
        return tuple(cell for columns in inner for cell in columns.cells(part[columns.key], around))

    return Columns(each.name, names, cells)


def _own_fields(each: FormatField) -> Columns:
    """The archive's own fields: each under `custom.` and its name, as the archive states it, then what follows from it."""
    names: list[str] = []
    # An archive may have a hundred of them, of which a record states a few.
    plan: list[tuple[str, tuple[None, ...], _Read]] = []
    for field in each.inner:
        besides, read = _OWN.get(field.kind, _AS_IT_IS)
        names += [f"{each.name}.{field.name}{beside}" for beside in ("", *besides)]
        plan.append((field.name, (None,) * (1 + len(besides)), _listed(read) if field.is_list else _alone(read)))

    def cells(own: Document, _: Around) -> tuple[Cell, ...]:
        row: list[Cell] = []
        for name, nothing, read in plan:
            value = own[name]
            row += nothing if value is None or value == [] else read(value)
        return tuple(row)

    return Columns(each.name, tuple(names), cells)


_Read = Callable[[Any], tuple[Cell, ...]]


def _alone(read: _Read) -> _Read:
    """Return what reads one value."""
    return lambda value: tuple([harmless(cell) if isinstance(cell, str) else cell for cell in read(value)])


def _listed(read: _Read) -> _Read:
    """Return what reads a list of values as one reads a value: in each column one entry for each value."""

    def cells(values: list[Any]) -> tuple[Cell, ...]:
        columns = zip(*[read(each) for each in values], strict=True)
        return tuple([harmless(joined([_as_text(cell) for cell in column])) for column in columns])

    return cells


#: What stands behind the name in further columns of an own field, and how all of them are read off a value, by its kind.
_OWN: dict[Kind, tuple[tuple[str, ...], _Read]] = {
    "date": ((".earliest", ".latest"), lambda value: (value["edtf"], value["earliest"], value["latest"])),
    "reference": ((".label",), lambda value: (value["id"], value["label"])),
    "term": ((".label",), lambda value: (value["value"], value["label"])),
    "truth": ((), lambda value: ("true" if value else "false",)),
}
_AS_IT_IS: tuple[tuple[str, ...], _Read] = ((), lambda value: (value,))


def _as_text(cell: Cell) -> str | None:
    return cell if cell is None or isinstance(cell, str) else f"{cell:g}" if isinstance(cell, float) else str(cell)


def _singular(name: str) -> str:
    return name if name.endswith("us") else name.removesuffix("s")


# --- The columns of each record type ----------------------------------------------------------------------------------


def _links() -> Columns:
    return Columns("links", ("page_url",), lambda links, _: (links["html"],))


def _referred_by() -> Columns:
    """The collections that have records which name this one, each with how many."""

    def cells(counts: Document, _: Around) -> tuple[Cell, ...]:
        return ("|".join(f"{collection}={number}" for collection, number in counts.items() if number),)

    return Columns("referred_by", ("referred_by",), cells)


_FIRST = (_as_is("record"), _id("id"))
_LAST = (
    *(_language_of(), _translations(), _access(), _as_is("version"), _as_is("updated_at")),
    *(_text("cite_as"), _referred_by(), _links()),
)

#: Fields whose columns are not those of their kind, by the model that they hold.
_PARTS: dict[type, Callable[[], Columns]] = {Citation: _citations, Act: _acts, Participant: _participants}
#: The columns of one value, and of a list of values, by the kind of the field.
_ONE: dict[Kind, Callable[[str], Columns]] = {
    "text": _text,
    "term": _as_is,
    "number": _as_is,
    "truth": _truth,
    "date": _date,
    "reference": _reference,
    "claimed": _claimed,
    "object": _as_is,
}
#: The columns of keys that stand beside a field, by the name of its behaviour.
_BESIDE: dict[str, tuple[Columns, ...]] = {
    "relations": (_related_from(),),
    "revisions": (_related_from(), _truth("current")),
    "claims": (_truth("disputed"),),
}


#: Columns of fields that something is special about, by the name of their behaviour.
_BEHAVING: dict[str, Callable[[FormatField], Columns]] = {
    "own_fields": _own_fields,
    "entry_translations": lambda _: _translations(" "),  # in a list already
}


def _columns(each: FormatField) -> Iterator[Columns]:
    """Yield the columns of a field, and of the key that says whether something is there."""
    if not each.is_shown:
        if (presence := each.mark(ShownAsPresence)) is not None:
            yield _truth(presence.name)
        return
    yield _own_columns(each)
    yield from _BESIDE.get(each.behaviour or "", ())
    if not each.is_list:
        for inner in each.inner:
            if (presence := inner.mark(ShownAsPresence)) is not None:
                yield _truth(presence.name)


def _own_columns(each: FormatField) -> Columns:
    if (special_field := _BEHAVING.get(each.behaviour or "")) is not None:
        return special_field(each)
    if each.part is not None:
        # The model may be an archive's own form of the format's.
        special = next((_PARTS[base] for base in each.part.__mro__ if base in _PARTS), None)
        if special is not None:
            return special()
        return _list_of_parts(each) if each.is_list else _one_part(each)
    if each.is_list:
        return _references(each.name, _singular(each.name)) if each.kind == "reference" else _texts(each.name)
    if each.types == ("place",) and each.kind == "reference":
        return _place(each.name)
    return _ONE[each.kind](each.name)


def _beside_id(columns: Columns) -> Columns:
    # The record's own address has this name.
    return replace(columns, names=("source_url",)) if columns.names == ("url",) else columns


@lru_cache(512)
def all_columns(record: RecordFields) -> tuple[Columns, ...]:
    """Return the columns of a record type in the order in which a table shows them."""
    return (*_FIRST, *(_beside_id(columns) for each in record.fields for columns in _columns(each)), *_LAST)


@lru_cache(512)
def columns_of(record: RecordFields, keys: frozenset[str]) -> tuple[Columns, ...]:
    """Return the columns of these top-level keys in the order of the table; all of them where no key is named."""
    chosen: list[Columns] = []
    names: set[str] = set()
    for columns in all_columns(record):
        # The note of an event's date is a part of the date and a key of its own: it is one column.
        if (not keys or columns.key in keys) and not names.issuperset(columns.names):
            chosen.append(columns)
            names.update(columns.names)
    return tuple(chosen)


def cited_sources(document: Document) -> Iterable[str]:
    """Yield the source of every citation of a document, those of its parts included."""
    for name, value in document.items():
        if name == "citations":
            for citation in value:
                yield citation["source"]["id"]
        elif type(value) is list:
            for part in value:
                if type(part) is dict:
                    yield from cited_sources(part)
