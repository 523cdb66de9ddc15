"""The fields of an archive's records, read off the models: what kind each is, and what may be done with it.

Everything that treats fields alike goes by these: documents and their shapes, columns of tables, filters, facets, sort
orders, words. They are a value made for an archive, since an archive may have fields of its own. Knows no database and
no HTTP.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from types import MappingProxyType, NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from service.archive.declarations import NOTHING, Stated, declarations_of
from service.archive.identifiers import PLURALS, RECORD_OF, RecordType, RefersTo
from service.archive.marks import (
    Behaves,
    Filtered,
    IsAddress,
    IsDate,
    NotShown,
    Searched,
    ShownAsPresence,
    Sorted,
    Translated,
    TypedBy,
)
from service.archive.model import RECORD_MODELS, Part, Record
from service.archive.own_fields import Declared, lenient_models, models_of
from service.archive.terms import EXTENDED, FIXED, Terms, built_in, extended

#: What a field holds. `term` is one of a closed list of words, `claimed` what another field holds that is named beside
#: it, `object` something that is no part of the format.
Kind = Literal["text", "term", "number", "truth", "date", "reference", "part", "claimed", "object"]

#: The kinds of fields whose values a filter compares for equality.
_EQUAL: tuple[Kind, ...] = ("text", "term", "truth", "reference", "object")
#: Fields of every record that are shown in a way of their own, and where.
_APART = frozenset({"id", "access", "translations"})

Mark = TypeVar("Mark")

#: What is read off models that is kept: the types of records and the parts of several archives.
_KEPT = 512


@dataclass(frozen=True, eq=False)
class FormatField:
    """One field of a record or of a part of one."""

    name: str
    kind: Kind
    #: Whether it holds a list of such values.
    is_list: bool
    #: Whether it may be left out.
    is_optional: bool
    #: What it is where it is left out: null, an empty list, or a value such as false.
    default: Any
    description: str
    #: The type of one value.
    annotation: Any
    #: Of a reference: the types of records that it may name.
    types: tuple[RecordType, ...]
    #: Of a part: its model.
    part: type[Part] | None
    #: What may be done with it.
    marks: tuple[object, ...]
    #: The names that lead to it from a record or part: of a field that is sorted by, those of the part it stands in too.
    path: tuple[str, ...]

    @cached_property
    def _by_kind(self) -> dict[type, Any]:
        # The first of a kind counts. It is asked for with every record that is published.
        return {type(mark): mark for mark in reversed(self.marks)}

    def mark(self, kind: type[Mark]) -> Mark | None:
        """Return the field's mark of a kind, if it has one."""
        found: Mark | None = self._by_kind.get(kind)
        return found

    @property
    def terms(self) -> Terms | None:
        """The archive's vocabulary, or the format's, that the field's values are from."""
        return self.mark(Terms)

    @property
    def is_address(self) -> bool:
        """Whether it holds addresses on the web."""
        return self.mark(IsAddress) is not None

    @property
    def declared(self) -> Declared | None:
        """The declaration of a field that is the archive's own."""
        return self.mark(Declared)

    @cached_property
    def behaviour(self) -> str | None:
        """What is special about the field, by name; None for most."""
        mark = self.mark(Behaves)
        return None if mark is None else mark.special

    @property
    def is_shown(self) -> bool:
        """Whether the field itself is part of a document."""
        return self.mark(ShownAsPresence) is None and self.mark(NotShown) is None

    @cached_property
    def inner(self) -> "tuple[FormatField, ...]":
        """The fields of the part that this field holds; none where it holds no part."""
        return () if self.part is None else fields_of(self.part)

    @cached_property
    def searched_inner(self) -> "tuple[FormatField, ...]":
        """The fields of the part whose words are searched, and those that hold a part with such a field."""
        return tuple(_searched(self.inner))


@dataclass(frozen=True, eq=False)
class Filter:
    """A way of filtering records of one type by the value of a field."""

    name: str
    description: str | None
    #: The field that has the value, and the names that lead to it from the record.
    field: FormatField
    path: tuple[str, ...]
    is_wide: bool
    is_counted: bool
    #: Whether only the latest of the parts that have the field counts.
    is_latest: bool

    @property
    def terms(self) -> Terms | None:
        """The vocabulary of the values, where a value finds the narrower terms too."""
        terms = self.field.terms
        return terms if terms is not None and terms.has_levels else None


@dataclass(frozen=True, eq=False)
class RecordFields:
    """The fields of one type of record, and what follows from their marks."""

    record: RecordType
    model: type[Record]
    #: All but the identifier, the access and the translations, in the order of the format.
    fields: tuple[FormatField, ...]
    identifier: FormatField
    #: Every filter, once for each field that it looks at.
    filters: tuple[Filter, ...] = field(init=False)
    #: Fields that lists can be sorted by, in the order of the format.
    sorted: tuple[FormatField, ...] = field(init=False)
    #: The texts that can be translated.
    translated: tuple[str, ...] = field(init=False)
    #: The archive's own fields.
    own: tuple[FormatField, ...] = field(init=False)
    #: The names that lead from the record to each field that names other records, in the order of the format.
    references: tuple[tuple[str, ...], ...] = field(init=False)
    #: The fields whose words are searched, and those that hold a part with such a field.
    searched: tuple[FormatField, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "filters", tuple(_filters((self.identifier, *self.fields), ())))
        object.__setattr__(self, "sorted", tuple(_sorted(self.fields)))
        custom = self.by_behaviour("own_fields")
        object.__setattr__(self, "own", () if custom is None else custom.inner)
        object.__setattr__(self, "translated", tuple(each.name for each in self.fields if each.mark(Translated)))
        object.__setattr__(self, "references", tuple(_references(self.fields, ())))
        object.__setattr__(self, "searched", tuple(_searched(self.fields)))

    @property
    def collection(self) -> str:
        """The name of the collection that has these records."""
        return PLURALS[self.record]

    @property
    def sorts(self) -> tuple[str, ...]:
        """The names of the orders of a list, the default first. Each can be reversed."""
        default = [each.name for each in self.sorted if _is_default(each)]
        others = [each.name for each in self.sorted if not _is_default(each)]
        return (*default, "id", *others, "updated_at")

    def orders(self) -> Iterator[str]:
        """Yield the names of the orders that a release keeps. A descending one of its own is kept where a record may have
        no value: such records come last both ways.
        """
        for name in self.sorts:
            yield name
            if self.may_lack(name):
                yield f"-{name}"

    def may_lack(self, order: str) -> bool:
        """Tell whether records may have nothing that an order goes by."""
        return any(each.name == order and may_lack(each) for each in self.sorted)

    def slot(self, order: str) -> int:
        """Return which of a record's sort keys an order by a field goes by."""
        return next(slot for slot, each in enumerate(self.sorted) if each.name == order.removeprefix("-"))

    def by_behaviour(self, special: str) -> FormatField | None:
        """Return the field with a special behaviour, if there is one."""
        return next((each for each in self.fields if each.behaviour == special), None)


class ArchiveFields:
    """The fields of every type of record of one archive."""

    def __init__(
        self, models: Mapping[RecordType, type[Record]], vocabularies: Mapping[str, Terms] = MappingProxyType({})
    ) -> None:
        self.models = models
        #: Every vocabulary: the archive's own, and the lists of the format.
        self.vocabularies = {name: built_in(name) for name in (*EXTENDED, *FIXED)} | dict(vocabularies)
        self.of: dict[RecordType, RecordFields] = {record: _record_fields(model) for record, model in models.items()}

    def __getitem__(self, record: RecordType) -> RecordFields:
        return self.of[record]

    def __iter__(self) -> Iterator[RecordFields]:
        return iter(self.of.values())

    def collection(self, name: str) -> RecordFields:
        """Return the fields of the records of a collection."""
        return self.of[RECORD_OF[name]]

    @property
    def slots(self) -> int:
        """The most sort keys that a record of any type has."""
        return max(len(each.sorted) for each in self)

    @property
    def equal_filters(self) -> tuple[str, ...]:
        """The name of every filter that compares for equality, of whatever type of record, sorted."""
        return self._filters_of(*_EQUAL)

    @property
    def date_filters(self) -> tuple[str, ...]:
        """The name of every filter by a date, an event's included, sorted."""
        return tuple(sorted({*self._filters_of("date"), *self._special("event_date", "date")}))

    @property
    def figure_filters(self) -> tuple[str, ...]:
        """The name of every filter by a figure, that by a statistic's stated range included, sorted."""
        return tuple(sorted({*self._filters_of("number"), *self._special("stated_range", "value")}))

    def _filters_of(self, *kinds: Kind) -> tuple[str, ...]:
        return tuple(sorted({each.name for record in self for each in record.filters if each.field.kind in kinds}))

    def _special(self, behaviour: str, name: str) -> tuple[str, ...]:
        return (name,) if any(record.by_behaviour(behaviour) is not None for record in self) else ()


def archive_fields(stated: Stated = NOTHING) -> ArchiveFields:
    """Return the fields of an archive: those of the format, and its own. Made once for the same declarations."""
    return _fields_of_archive(tuple(RECORD_MODELS.items()), stated)


@lru_cache(8)
def _fields_of_archive(models: tuple[tuple[RecordType, type[Record]], ...], stated: Stated) -> ArchiveFields:
    if stated is None:
        return ArchiveFields(lenient_models())
    if stated == NOTHING:
        return ArchiveFields(dict(models))
    declared = declarations_of(stated)
    vocabularies = {name: extended(name, vocabulary) for name, vocabulary in declared.vocabularies.items()}
    return ArchiveFields(models_of(declared, vocabularies), vocabularies)


def fields_of_record(model: type[Record]) -> RecordFields:
    """Return the fields of the records of a model."""
    return _record_fields(model)


def may_lack(sortable: FormatField) -> bool:
    """Tell whether a field that is sorted by may be empty. A name never is: its place is taken by what is shown instead."""
    named = sortable.mark(Searched)
    return not (named is not None and named.is_name) and (sortable.kind == "date" or sortable.is_optional)


def _is_default(sortable: FormatField) -> bool:
    mark = sortable.mark(Sorted)
    return mark is not None and mark.is_default


@lru_cache(_KEPT)
def _record_fields(model: type[Record]) -> RecordFields:
    fields = fields_of(model)
    [identifier] = [each for each in fields if each.name == "id"]
    shown = [each for each in fields if each.name not in _APART]
    # Pydantic lists what all records have first; who reads one looks for its own fields. The archive's own come last.
    shown.sort(key=lambda each: (each.name in Record.model_fields) + (each.behaviour == "own_fields"))
    return RecordFields(model.record, model, tuple(shown), identifier)


@lru_cache(_KEPT)
def fields_of(model: type[Part]) -> tuple[FormatField, ...]:
    """Return the fields of a record or of a part, in the order of the format."""
    return tuple(_field(name, described) for name, described in model.model_fields.items())


def _field(name: str, described: FieldInfo) -> FormatField:
    annotation, marks, is_list = _taken_apart(described.annotation, tuple(described.metadata))
    part = annotation if isinstance(annotation, type) and issubclass(annotation, Part) else None
    terms = next((mark for mark in marks if isinstance(mark, Terms)), None)
    refers = next((mark for mark in marks if isinstance(mark, RefersTo)), None)
    return FormatField(
        name=name,
        kind=_kind_of(annotation, marks),
        is_list=is_list,
        is_optional=not described.is_required(),
        default=None if described.is_required() else described.get_default(call_default_factory=True),
        description=described.description or "",
        annotation=annotation if terms is None else terms.annotation,
        types=() if refers is None else refers.types,
        part=part,
        marks=marks,
        path=(name,),
    )


def _taken_apart(annotation: Any, marks: tuple[object, ...]) -> tuple[Any, tuple[object, ...], bool]:  # noqa: ANN401
    """Return the type of one value, every mark around it, and whether the field holds a list of such values."""
    is_list = False
    while True:
        origin = get_origin(annotation)
        if origin is Annotated:
            annotation, *more = get_args(annotation)
            marks += tuple(more)
        elif origin in (Union, UnionType) and NoneType in get_args(annotation):
            [annotation] = [each for each in get_args(annotation) if each is not NoneType] or [None]
        elif origin is list and (_is_declared(marks) or not _is_number(get_args(annotation)[0])):
            is_list, [annotation] = True, get_args(annotation)
        else:
            return annotation, marks, is_list


def _is_declared(marks: tuple[object, ...]) -> bool:
    return any(isinstance(mark, Declared) for mark in marks)


def _is_number(annotation: Any) -> bool:  # noqa: ANN401 - whatever an annotation may be
    # Two numbers in a list, as of a time, are one value.
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    return annotation in (int, float, int | float)


def _kind_of(annotation: Any, marks: tuple[object, ...]) -> Kind:  # noqa: ANN401
    found: dict[Kind, bool] = {
        "claimed": any(isinstance(mark, TypedBy) for mark in marks),
        "date": any(isinstance(mark, IsDate) for mark in marks),
        "reference": any(isinstance(mark, RefersTo) for mark in marks),
        "term": get_origin(annotation) is Literal or any(isinstance(mark, Terms) for mark in marks),
        "part": isinstance(annotation, type) and issubclass(annotation, Part),
        "truth": annotation is bool,
        "text": annotation is str,
        "number": _is_number(annotation),
    }
    return next((kind for kind, is_it in found.items() if is_it), "object")


def _filters(fields: tuple[FormatField, ...], path: tuple[str, ...]) -> Iterator[Filter]:
    """Yield every filter by one of these fields or by a field of a part of theirs."""
    for each in fields:
        here = (*path, each.name)
        if (mark := each.mark(Filtered)) is not None:
            yield Filter(
                mark.name or each.name, mark.description, each, here, mark.is_wide, mark.is_counted, mark.is_latest
            )
        yield from _filters(each.inner, here)


def _sorted(fields: tuple[FormatField, ...]) -> Iterator[FormatField]:
    """Yield the fields that lists are sorted by; those of a part under the names of both."""
    for each in fields:
        if each.mark(Sorted) is not None:
            yield each
        if not each.is_list:
            for inner in _sorted(each.inner):
                yield replace(inner, name=f"{each.name}.{inner.name}", path=(each.name, *inner.path))


def _references(fields: tuple[FormatField, ...], path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Yield the path of every field that names other records, among these and in parts of theirs."""
    for each in fields:
        here = (*path, each.name)
        if each.kind == "reference" and each.mark(NotShown) is None:
            yield here
        yield from _references(each.inner, here)


def _searched(fields: tuple[FormatField, ...]) -> Iterator[FormatField]:
    """Yield the fields among these whose words are searched, and those that hold a part with such a field."""
    for each in fields:
        if each.mark(Searched) is not None or each.searched_inner:
            yield each
