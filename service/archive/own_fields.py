"""The fields and vocabularies that an archive declares in its head: whether they are sound, and the models that follow.

A declared field becomes an annotated field as the format's own are, in a model made for the archive, so that everything
that treats fields alike treats it too.
"""

import unicodedata
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import UnionType
from typing import Annotated, Any, Final, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, Field, create_model

from service.archive.identifiers import RECORD_TYPES, Identifier, RecordType, RefersTo
from service.archive.marks import Filtered, FromVocabulary, IsAddress, Searched, Sorted, Translated
from service.archive.model import (
    NO_ENTRIES,
    NO_ITEMS,
    RECORD_MODELS,
    Claim,
    Custom,
    OwnField,
    OwnFields,
    Part,
    Record,
    Vocabularies,
    Vocabulary,
)
from service.archive.reading import Finding, join_pointer
from service.archive.terms import EXTENDED, FIXED, MAX_LEVELS, Terms, built_in
from service.archive.values import Edtf, Number, Text, WebAddress

AnyPart = TypeVar("AnyPart", bound=Part)

#: What the names of a field's filters have after its own.
_BOUNDS: Final = {"number": ("_min", "_max", "_match"), "date": ("_from", "_to", "_match")}
#: Names that Pydantic itself needs of a model.
_TAKEN: Final = frozenset(name for name in dir(BaseModel) if name.startswith("model_"))


class Declarations(Part):
    """What an archive declares of its own, as its head has it."""

    vocabularies: Vocabularies = NO_ENTRIES
    fields: OwnFields = NO_ENTRIES


@dataclass(frozen=True, eq=False)
class Declared:
    """Marks a field as one of the archive's own, with its declaration."""

    field: OwnField

    def label(self, language: str | None = None) -> str:
        """Return what people read, in a language, or in the archive's where it has none there."""
        translation = self.field.translations.get(language or "")
        return self.field.label if translation is None or translation.label is None else translation.label


# --- Whether they are sound ---------------------------------------------------------------------------------------------


def check_declarations(declared: Declarations) -> Iterator[Finding]:
    """Yield what is wrong with what a head declares; pointers are within it."""
    for name, vocabulary in declared.vocabularies.items():
        at = join_pointer(["vocabularies", name])
        if name in FIXED:
            yield Finding("invalid_value", at, "This list is the format's alone: give the vocabulary another name.")
        yield from _check_terms(name, vocabulary, at)
    for record, fields in declared.fields.items():
        known: set[str] = set()
        for index, each in enumerate(fields):
            at = f"/fields/{record}/{index}"
            yield from _check_name(each, record, known, at)
            known |= {each.name, *_parameters(each)}
            yield from _check_kind(each, declared, at)


def _check_terms(name: str, vocabulary: Vocabulary, at: str) -> Iterator[Finding]:
    known: set[str] = set()
    broader: dict[str, str | None] = dict.fromkeys(EXTENDED.get(name, ()))
    for index, term in enumerate(vocabulary.terms):
        if (alike := _folded(term.value)) in known:
            detail = "An earlier term is the same, but perhaps for case or the way accents are written."
            yield Finding("duplicate_term", f"{at}/terms/{index}/value", detail)
        if term.value == "null":
            detail = "This stands for records that state none: choose another value."
            yield Finding("invalid_value", f"{at}/terms/{index}/value", detail)
        known.add(alike)
        broader[term.value] = term.broader
    levels: dict[str, int] = {}
    for index, term in enumerate(vocabulary.terms):
        if term.broader is None:
            continue
        here = f"{at}/terms/{index}/broader"
        if term.broader not in broader:
            yield Finding("unknown_term", here, "The vocabulary has no such term.")
        elif (depth := _depth(term.value, broader, levels)) is None:
            yield Finding("reference_cycle", here, "This leads, step by step, back to the term itself.")
        elif depth == MAX_LEVELS + 1:  # once for a chain: those below are deeper still
            yield Finding("chain_too_long", here, f"The term has more than {MAX_LEVELS} terms above it.")


def _depth(value: str, broader: Mapping[str, str | None], levels: dict[str, int]) -> int | None:
    """Return how many terms lie above one; None where the way up comes back to it. `levels` keeps what was found."""
    way: list[str] = []
    met: set[str] = set()
    at: str | None = value
    while at is not None and at not in levels:
        if at in met:
            return None
        way.append(at)
        met.add(at)
        at = broader.get(at)
    base = -1 if at is None else levels[at]
    for nth, each in enumerate(reversed(way), 1):
        levels[each] = base + nth
    return levels[value]


def _folded(value: str) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", value).casefold())


def _check_name(each: OwnField, record: RecordType, known: set[str], at: str) -> Iterator[Finding]:
    model = RECORD_MODELS[record]
    if each.name in {*model.model_fields, "record", "version", "updated_at", "language_of"}:
        yield Finding("name_taken", f"{at}/name", f"Records of type {record} have a field of this name already.")
    elif each.name in known or known & set(_parameters(each)):
        detail = "An earlier field has this name, or filters that are named like this field's."
        yield Finding("name_taken", f"{at}/name", detail)
    elif each.name in _TAKEN:
        yield Finding("name_taken", f"{at}/name", "The engine needs this name for itself: choose another.")


def _parameters(each: OwnField) -> list[str]:
    return [each.name + end for end in _BOUNDS.get(each.kind, ())]


def _check_kind(each: OwnField, declared: Declarations, at: str) -> Iterator[Finding]:
    if each.kind == "term" and each.vocabulary is None:
        yield Finding("missing_field", at, "`vocabulary` is required: the kind is term.")
    elif each.kind == "term" and each.vocabulary not in {*declared.vocabularies, *_WITH_TERMS}:
        yield Finding("unknown_vocabulary", f"{at}/vocabulary", "The head declares no such vocabulary.")
    for name, given, kind in (
        ("vocabulary", each.vocabulary is not None, "term"),
        ("to", bool(each.to), "reference"),
        ("unit", each.unit is not None, "number"),
    ):
        if given and each.kind != kind:
            yield Finding("invalid_value", f"{at}/{name}", f"`{name}` is only for the kind {kind}.")
    if len(set(each.to)) < len(each.to):
        yield Finding("invalid_value", f"{at}/to", "A type of record is named twice.")


#: The lists of the format that have terms without an archive adding any.
_WITH_TERMS: Final = frozenset(name for name, values in {**EXTENDED, **FIXED}.items() if values)


# --- The models that follow ----------------------------------------------------------------------------------------------


def models_of(declared: Declarations, terms: Mapping[str, Terms]) -> dict[RecordType, type[Record]]:
    """Return the models of the records of an archive: `declared` is sound, and `terms` are its vocabularies by name."""
    return {record: _model_of(model, terms, declared.fields.get(record, ())) for record, model in RECORD_MODELS.items()}


def lenient_models() -> dict[RecordType, type[Record]]:
    """Return models that take whatever may be meant, where declarations are not sound: one mistake in the head must not
    make each use of it another.
    """
    return {
        record: create_model(
            model.__name__,
            __base__=_with_vocabularies(model, dict.fromkeys(EXTENDED)),
            __module__=model.__module__,
            custom=(dict[str, Any], NO_ENTRIES),
        )
        for record, model in RECORD_MODELS.items()
    }


def _model_of(
    model: type[Record], terms: Mapping[str, Terms], fields: "tuple[OwnField, ...] | list[OwnField]"
) -> type[Record]:
    model = _with_vocabularies(model, terms)
    if not fields:
        return model
    parts = {each.name: _declared(each, terms) for each in fields}
    custom: Any = _made(
        f"{model.__name__}Custom", Custom, parts, f"What a {model.record} has in the archive's own fields."
    )
    described = model.model_fields["custom"]
    marks = [mark for mark in described.metadata if not hasattr(mark, "mode")]
    annotation = Annotated[(custom, *marks, Field(description=described.description))]
    made: type[Record] = _made(model.__name__, model, {"custom": (annotation, custom())})
    return made


def _made(name: str, base: type[Any], fields: dict[str, Any], doc: str | None = None) -> Any:  # noqa: ANN401 - a model
    with warnings.catch_warnings():
        # A field may well be called `copy` or `json`: nothing here calls these methods of old.
        warnings.filterwarnings("ignore", "Field name .* shadows an attribute", UserWarning)
        return create_model(name, __base__=base, __module__=base.__module__, __doc__=doc or base.__doc__, **fields)


def _declared(each: OwnField, terms: Mapping[str, Terms]) -> tuple[Any, Any]:
    """Return a declared field as the format's own are declared: its annotation and what it is where nothing is stated."""
    value: Any
    value, *marks = _KINDS[each.kind](each, terms)
    if not each.many and each.kind not in ("url", "reference"):
        marks.append(Sorted())
    described = each.description or each.label
    described += f" In {each.unit}." if each.unit is not None else ""
    marks += [_filtered(each), Declared(each), Field(description=described)]
    if each.many:
        return Annotated[(list[value], *marks)], NO_ITEMS
    return Annotated[(value | None, *marks)], None


def _filtered(each: OwnField) -> Filtered:
    # As fields of the format find what lies in a place, is narrower than a topic, or part of an event.
    is_wide = each.kind == "reference"
    what = f"{each.label}: this record, or one that lies in it or is part of it." if is_wide else f"{each.label}."
    return Filtered(what, name=f"custom.{each.name}", is_wide=is_wide)


#: The type of one value of each kind, and what may be done with such a field beside filtering by it.
_KINDS: Final[Mapping[str, Callable[[OwnField, Mapping[str, Terms]], tuple[Any, ...]]]] = {
    "text": lambda _, __: (Text, Searched(), Translated()),
    "term": lambda each, terms: (Annotated[Text, _vocabulary_of(each, terms)], Searched()),
    "number": lambda _, __: (Number,),
    "boolean": lambda _, __: (bool,),
    "date": lambda _, __: (Edtf,),
    "url": lambda _, __: (WebAddress, IsAddress()),
    "reference": lambda each, _: (Annotated[Identifier, RefersTo(*(each.to or RECORD_TYPES))],),
}


def _vocabulary_of(each: OwnField, terms: Mapping[str, Terms]) -> Terms:
    assert each.vocabulary is not None
    return terms.get(each.vocabulary) or built_in(each.vocabulary)


# --- Fields of the format whose vocabulary an archive adds to ------------------------------------------------------------


def _with_vocabularies(model: type[AnyPart], terms: Mapping[str, Terms | None]) -> type[AnyPart]:
    """Return a model whose fields, and those of its parts, take the terms of an archive; the model itself where no
    vocabulary is the archive's own. None stands for any text.
    """
    changed: dict[str, Any] = {}
    for name, described in model.model_fields.items():
        annotation = described.annotation
        mark = next((mark for mark in described.metadata if isinstance(mark, FromVocabulary)), None)
        marks = list(described.metadata)
        if mark is not None and mark.name in terms:
            known = terms[mark.name]
            one: Any = Text if known is None else Annotated[Text, known]
            annotation = list[one] if get_origin(annotation) is list else one
        else:
            for part in _parts_in(annotation):
                annotation = _substituted(annotation, part, _with_vocabularies(part, terms))
        if annotation is not described.annotation:
            default = ... if described.is_required() else described.get_default(call_default_factory=True)
            marks.append(Field(description=described.description))
            changed[name] = (Annotated[(annotation, *marks)], default)
    if issubclass(model, Claim) and "event_type" in terms:
        claims: Any = _with_event_types(model, terms["event_type"])
        return claims  # type: ignore[no-any-return]
    return _made(model.__name__, model, changed) if changed else model


def _with_event_types(model: type[Claim], known: Terms | None) -> Any:  # noqa: ANN401 - a model
    """Return the model of claims in which those of an event's type take the terms of an archive."""
    made: Any = _made(model.__name__, model, {})
    made.event_types = None if known is None or not known.is_closed else frozenset(known.terms)
    return made


def _parts_in(annotation: Any) -> list[type[Part]]:  # noqa: ANN401 - whatever an annotation may be
    if isinstance(annotation, type) and issubclass(annotation, Part):
        return [annotation]
    return [part for inner in get_args(annotation) for part in _parts_in(inner)]


def _substituted(annotation: Any, old: type[Part], new: type[Part]) -> Any:  # noqa: ANN401 - whatever an annotation may be
    """Return an annotation with one model in the place of another; the annotation itself where they are one."""
    if old is new:
        return annotation
    if annotation is old:
        return new
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return Annotated[(_substituted(inner[0], old, new), *inner[1:])]
    replaced = tuple(_substituted(each, old, new) for each in inner)
    if origin in (Union, UnionType):
        return Union[replaced]  # noqa: UP007 - made here
    return annotation if origin is None else origin[replaced[0] if len(replaced) == 1 else replaced]
