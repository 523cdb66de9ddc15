"""From a public record to the document it is served as, and the shape of the documents of each type.

Both follow from the fields of the format: a record has the archive's fields under the archive's names, all of them always
present. References carry labels, dates their bounds, citations their evidence, so that a list can be drawn without a
second request. What is special about a field stands in the tables of this module, by the name that the model gives it.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Annotated, Any, Final, Literal, NamedTuple, Protocol
from urllib.parse import quote

from pydantic import Field
from typing_extensions import TypedDict

from service.archive.dates import parse_edtf
from service.archive.fields import ArchiveFields, FormatField, RecordFields, fields_of
from service.archive.identifiers import RecordType
from service.archive.marks import NotShown, ShownAsPresence, Translated, TypedBy
from service.archive.model import Act, Citation, IndexEntry, Part, Relation, SourceFile
from service.archive.terms import Terms
from service.archive.transcripts import shown_as, shown_names
from service.release.document_parts import (
    AccessDocument,
    ActResponseDocument,
    DateDocument,
    EntryTextsDocument,
    PlaceReference,
    RecordDocument,
    Reference,
    SegmentDocument,
    SourceReference,
    TermDocument,
)
from service.release.projection import PublicRecord

#: A document shows at most so many of the records that relate to it; the lists with `related_to` have all of them.
RELATED_SHOWN = 100


class Surroundings(Protocol):
    """What a renderer asks about the archive and other public records in it."""

    #: The archive's own language.
    language: str

    def label(self, record_id: str) -> str:
        """Return the name, title or label that may be shown of a public record."""

    def publisher(self, source_id: str) -> str | None:
        """Return the identifier of a source's publisher."""

    def country(self, place_id: str) -> str | None:
        """Return a place's country: its own, or that of the nearest place around it that states one."""

    def responses_of(self, agent_id: str, event_id: str) -> list[PublicRecord]:
        """Return the responses whose party is `agent_id` about an event or any that it is part of, by identifier. One that
        is about no event counts as being about each.
        """

    def related_from(self, record_id: str) -> list[tuple[str, PublicRecord]]:
        """Return the first `RELATED_SHOWN` records that relate to this one, each with what it says of the relation."""

    def is_disputed(self, event: PublicRecord) -> bool:
        """Tell whether what is said of an event cannot all be true."""

    def is_revised(self, record_id: str) -> bool:
        """Tell whether another record revises this one."""


def segment_documents(public: PublicRecord, around: Surroundings) -> list[SegmentDocument]:
    """Return the segments of a testimony's transcript, each with its name."""
    return [_segment(name, segment, public["language"], around) for name, segment in shown_names(public)]


def _segment(name: str, segment: Mapping[str, Any], language: str, around: Surroundings) -> SegmentDocument:
    agent = segment.get("speaker_agent")
    speaker_agent: Reference | None = None if agent is None else {"id": agent, "label": around.label(agent)}
    # Where the transcript has no name of its own for whoever speaks, the label stands in its place.
    named = None if speaker_agent is None else speaker_agent["label"]
    return {
        "id": name,
        "start_s": segment.get("start_s"),
        "end_s": segment.get("end_s"),
        "file": segment.get("file"),
        "speaker": segment.get("speaker", named),
        "speaker_agent": speaker_agent,
        "language": segment.get("language", language),
        "text": segment.get("text"),
        "redacted": segment.get("redacted"),
        "translations": segment.get("translations", {}),
    }


def _day(value: object) -> str | None:
    return None if value is None else str(value)


def date_document(edtf: str | None, note: str | None = None) -> DateDocument:
    """Return a date with its bounds; all but the note null where `edtf` is None."""
    if edtf is None:
        return {"edtf": None, "earliest": None, "latest": None, "open_end": False, "note": note}
    span = parse_edtf(edtf)
    return {
        "edtf": edtf,
        "earliest": _day(span.earliest),
        "latest": _day(span.latest),
        "open_end": span.has_open_end,
        "note": note,
    }


def file_address(source_id: str, name: str) -> str:
    """Return the path at which a file of a source is served."""
    return f"/v1/sources/{source_id}/files/{quote(name, safe='')}"


def evidence_of(citation: Mapping[str, Any]) -> Literal["anchored", "located", "cited"]:
    """Return how closely a citation names its passage: by offsets and hash, by page or time, or not at all."""
    if "sha256" in citation:
        return "anchored"
    return "located" if "page" in citation or "time" in citation else "cited"


class _Renderer:
    """What rendering the records of one archive needs beside the record."""

    def __init__(self, around: Surroundings) -> None:
        self.around = around

    def ref(self, record_id: str) -> Reference:
        return {"id": record_id, "label": self.around.label(record_id)}

    def source(self, record_id: str) -> SourceReference:
        publisher = self.around.publisher(record_id)
        shown = None if publisher is None else self.ref(publisher)
        return {"id": record_id, "label": self.around.label(record_id), "publisher": shown}

    def place(self, record_id: str) -> PlaceReference:
        country = self.around.country(record_id)
        return {"id": record_id, "label": self.around.label(record_id), "country": country}

    def responses(self, act: Mapping[str, Any], event: PublicRecord) -> list[ActResponseDocument]:
        """Return the actor's responses about the event, an event that it is part of, or none in particular. One about
        another event is left out: a denial of something else, shown here, would read as a denial of this.
        """
        actor = act.get("actor")
        return [] if actor is None else [self.response(each) for each in self.around.responses_of(actor, event["id"])]

    def response(self, response: PublicRecord) -> ActResponseDocument:
        asked_by, referred_to = response.get("asked_by"), response.get("referred_to")
        return {
            "id": response["id"],
            "kind": response["kind"],
            "subject": response.get("subject"),
            "summary": response.get("summary"),
            "date": _maybe_date(response.get("date")),
            "asked_by": None if asked_by is None else self.ref(asked_by),
            "referred_to": None if referred_to is None else self.ref(referred_to),
        }


def _maybe_date(edtf: str | None) -> DateDocument | None:
    return None if edtf is None else date_document(edtf)


#: Renders one key of a document: given the record or part that has the field, the renderer, and the whole record.
_Render = Callable[[Mapping[str, Any], _Renderer, PublicRecord], Any]


class _Always:
    """Stands for a key that is rendered whatever the record states."""


_ALWAYS: Final = _Always()


class _Key(NamedTuple):
    """One key of a document: its name, the type of what stands there, and how it is rendered."""

    name: str
    shape: Any
    render: _Render
    #: The field that it shows, and what stands there where a record does not have that field.
    field: str = ""
    without: Any = _ALWAYS


class _Plan:
    """How records or parts of one kind are rendered. Most fields of most records are not stated: what stands there instead is
    copied all at once, and only what is stated is rendered.
    """

    def __init__(self, keys: list[_Key]) -> None:
        self._without = {key.name: None if key.without is _ALWAYS else key.without for key in keys}
        self._always = [(key.name, key.render) for key in keys if key.without is _ALWAYS]
        self._stated: dict[str, list[tuple[str, _Render]]] = {}
        for key in keys:
            if key.without is not _ALWAYS:
                self._stated.setdefault(key.field, []).append((key.name, key.render))

    def render(self, holder: Mapping[str, Any], to: "_Renderer", record: PublicRecord) -> dict[str, Any]:
        """Return the keys of a record, or of a part of `record`, with what stands there."""
        shown, stated = self._without.copy(), self._stated
        for field in holder:
            for name, show in stated.get(field, ()):
                shown[name] = show(holder, to, record)
        for name, show in self._always:
            shown[name] = show(holder, to, record)
        return shown


def _keys(model: type[Part]) -> list[_Key]:
    """Return the keys of a part's document."""
    keys = [key for each in fields_of(model) for key in _keys_of(each)]
    # The model may be an archive's own form of the format's.
    for base in model.__mro__:
        for derived in _DERIVED.get(base, ()):
            keys.insert(derived.at, derived.key)
    return keys


def _keys_of(each: FormatField) -> list[_Key]:
    """Return the keys that a field has in a document: its own, and those that say whether something is there."""
    if each.mark(NotShown) is not None:
        return []
    if (presence := each.mark(ShownAsPresence)) is not None:
        return [_presence(presence.name, f"Whether there is a {each.name}.", (each.name,))]
    special = _SPECIAL.get(each.behaviour or "")
    shape, render, without = (*special(each), _ALWAYS) if special is not None else _plain(each)
    own = _Key(each.name, Annotated[shape, Field(description=each.description)], render, each.name, without)
    return [own, *_presences_inside(each), *(make() for make in _BESIDE.get(each.behaviour or "", ()))]


def _presences_inside(each: FormatField) -> list[_Key]:
    """Return the keys that say of a field's part whether it has what is shown elsewhere."""
    return [
        _presence(presence.name, f"Whether the {each.name} itself can be read here.", (each.name, inner.name))
        for inner in each.inner
        if not each.is_list and (presence := inner.mark(ShownAsPresence)) is not None
    ]


def _presence(name: str, description: str, path: tuple[str, ...]) -> _Key:
    def render(holder: Mapping[str, Any], _: _Renderer, __: PublicRecord) -> bool:
        found: Any = holder
        for step in path:
            found = found.get(step) or {}
        return bool(found)

    return _Key(name, Annotated[bool, Field(description=description)], render, path[0], without=False)


#: A field's shape, and how its value is rendered.
_Shown = tuple[Any, _Render]
#: The same, and what stands where there is no such field.
_ShownOrNot = tuple[Any, _Render, Any]


def _plain(each: FormatField) -> _ShownOrNot:
    """Return how a field is shown that nothing is special about: by its kind."""
    if each.kind == "part":
        return _part(each)
    if each.kind == "claimed":
        return *_claimed(each), _ALWAYS
    if each.kind in ("date", "reference"):
        return _with_value(each, *_VALUES[each.kind](each))
    if each.declared is not None and each.terms is not None:
        return _with_value(each, *_own_term(each.terms))
    name, default = each.name, [] if each.is_list else each.default
    shape = float if each.kind == "number" and each.annotation is not int else each.annotation
    return _shape_of(each, shape), lambda holder, _, __: holder[name], default


def _shape_of(each: FormatField, shape: Any) -> Any:  # noqa: ANN401 - whatever the field holds
    if each.is_list:
        return list[shape]
    return shape | None if each.is_optional and each.default is None else shape


def _with_value(each: FormatField, shape: Any, render_one: Callable[[Any, _Renderer], Any]) -> _ShownOrNot:  # noqa: ANN401
    name = each.name

    def render_all(holder: Mapping[str, Any], to: _Renderer, _: PublicRecord) -> Any:  # noqa: ANN401
        return [render_one(value, to) for value in holder[name]]

    def render(holder: Mapping[str, Any], to: _Renderer, _: PublicRecord) -> Any:  # noqa: ANN401
        value = holder[name]
        return None if value is None else render_one(value, to)

    return (_shape_of(each, shape), render_all, []) if each.is_list else (_shape_of(each, shape), render, None)


def _reference(each: FormatField) -> tuple[Any, Callable[[Any, _Renderer], Any]]:
    if each.types == ("source",):
        return SourceReference, lambda value, to: to.source(value)
    if each.types == ("place",):
        return PlaceReference, lambda value, to: to.place(value)
    return Reference, lambda value, to: to.ref(value)


def _own_term(terms: Terms) -> tuple[Any, Callable[[Any, _Renderer], Any]]:
    shape = TermDocument if terms.annotation is str else _term_shape(terms)
    return shape, lambda value, _: {"value": value, "label": terms.label(value)}


@lru_cache(512)
def _term_shape(terms: Terms) -> Any:  # noqa: ANN401 - a typed dictionary made here
    name = "".join(part.title() for part in terms.name.split("_"))
    value: Any = Annotated[(terms.annotation, Field(description="The value."))]
    return _made(f"{name}Term", TermDocument.__annotations__ | {"value": value}, TermDocument.__doc__)


_VALUES: dict[str, Callable[[FormatField], tuple[Any, Callable[[Any, _Renderer], Any]]]] = {
    "date": lambda _: (DateDocument, lambda value, _: date_document(value)),
    "reference": _reference,
}


def _part(each: FormatField) -> _ShownOrNot:
    assert each.part is not None
    name, plan = each.name, _Plan([key for key in _keys(each.part) if not _is_apart(each, key)])
    shape = _shape_of(each, _part_shape(each.part))

    def render_all(holder: Mapping[str, Any], to: _Renderer, record: PublicRecord) -> Any:  # noqa: ANN401
        return [plan.render(part, to, record) for part in holder[name]]

    # A part that is never null is shown with all its keys also where nothing is stated.
    without: Any = None if each.default is None else {}

    def render(holder: Mapping[str, Any], to: _Renderer, record: PublicRecord) -> Any:  # noqa: ANN401
        part = holder.get(name, without)
        return None if part is None else plan.render(part, to, record)

    if each.is_list:
        return shape, render_all, []
    return shape, render, None if without is None else _ALWAYS


def _is_apart(each: FormatField, key: _Key) -> bool:
    """Tell whether a key of a part stands beside the part instead of in it: see `_presences_inside`."""
    return any(key.name == beside.name for beside in _presences_inside(each))


@lru_cache(512)
def _part_shape(part: type[Part]) -> Any:  # noqa: ANN401 - a typed dictionary made here
    beside = {mark.name for each in fields_of(part) if (mark := each.mark(ShownAsPresence)) is not None}
    keys = {key.name: key.shape for key in _keys(part) if key.name not in beside}
    return _shape(part, keys, TypedDict)


def _shape(model: type[Part], keys: dict[str, Any], base: Any, name: str = "") -> Any:  # noqa: ANN401
    """Return a typed dictionary with these keys, described as the model is, and named so unless it has a name of its own."""
    return _made(f"{name or model.__name__}Document", keys, model.__doc__, base)


def _made(name: str, keys: dict[str, Any], doc: str | None, base: Any = TypedDict) -> Any:  # noqa: ANN401
    made = base(name, keys)
    made.__doc__ = doc
    made.__module__ = __name__
    return made


# --- What is special -------------------------------------------------------------------------------------------------


def _event_date(each: FormatField) -> _Shown:
    """An event's date is always an object, so that there is a place for the note; its `edtf` is null when unknown."""
    return DateDocument, lambda event, _, __: date_document(event.get(each.name), event.get("date_note"))


def _of_bound(each: FormatField) -> _Shown:
    """Whether a bound is allowed is null where there is no bound, so that nobody takes it for one."""
    bound = each.name.removesuffix("_inclusive")
    return bool | None, lambda holder, _, __: None if holder.get(bound) is None else holder.get(each.name, each.default)


def _claimed(each: FormatField) -> _Shown:
    """What is claimed of a field is shown as the field itself is."""
    mark = each.mark(TypedBy)
    assert mark is not None

    def render(claim: Mapping[str, Any], to: _Renderer, _: PublicRecord) -> Any:  # noqa: ANN401
        value = claim[each.name]
        match claim[mark.beside]:
            case "date":
                return date_document(value)
            case "place":
                return to.place(value)
            case _:
                return value

    return DateDocument | PlaceReference | str, render


def _related_from() -> _Key:
    """What other records say of how they stand to this one, with the same keys as in `relations`."""
    keys = {key.name: key for key in _keys(Relation)}
    shape = _shape(
        Relation,
        {("from" if name == "to" else name): key.shape for name, key in keys.items()},
        TypedDict,
        "RelatedFrom",
    )
    plan = _Plan([key for name, key in keys.items() if name != "to"])

    def render(record: Mapping[str, Any], to: _Renderer, _: PublicRecord) -> list[dict[str, Any]]:
        return [
            {"type": said["type"], "from": to.ref(origin)} | plan.render(said, to, said)
            for origin, said in to.around.related_from(record["id"])
        ]

    description = (
        f"What other public records say of how they stand to this one: the first {RELATED_SHOWN} by their identifiers. Lists "
        "with `related_to` have all of them."
    )
    return _Key("related_from", Annotated[_several(shape), Field(description=description)], render)


def _several(shape: Any) -> Any:  # noqa: ANN401 - the shape of one
    return list[shape]


def _disputed() -> _Key:
    described = (
        "Whether claims or figures about it cannot all be true, or a record disputes it or another account of it."
    )
    return _Key(
        "disputed",
        Annotated[bool, Field(description=described)],
        lambda event, to, _: to.around.is_disputed(dict(event)),
    )


def _current() -> _Key:
    described = "Whether it still stands: false where another figure revises it."
    return _Key(
        "current",
        Annotated[bool, Field(description=described)],
        lambda statistic, to, _: not to.around.is_revised(statistic["id"]),
    )


#: Keys that stand beside a field because they follow from it and from other records, by the name of its behaviour.
_BESIDE: dict[str, tuple[Callable[[], _Key], ...]] = {
    "relations": (_related_from,),
    "revisions": (_related_from, _current),
    "claims": (_disputed,),
}


def _segment_name(each: FormatField) -> _Shown:
    """A segment is named as its transcript shows it, whichever of its names the archive has here."""

    def render(entry: Mapping[str, Any], _: _Renderer, testimony: PublicRecord) -> str | None:
        name = entry.get(each.name)
        return None if name is None else shown_as(testimony, name)

    return str | None, render


def _entry_translations(each: FormatField) -> _Shown:
    """A translation of an entry is shown with all its keys, as the entry itself is."""

    def render(entry: Mapping[str, Any], _: _Renderer, __: PublicRecord) -> dict[str, EntryTextsDocument]:
        return {
            language: {"title": None, "synopsis": None, "keywords": [], **texts}
            for language, texts in entry.get(each.name, {}).items()
        }

    return dict[str, EntryTextsDocument], render


def _languages_of_entry(entry: Mapping[str, Any], to: _Renderer, _: PublicRecord) -> dict[str, str]:
    return {name: to.around.language for name in EntryTextsDocument.__annotations__ if entry.get(name)}


#: How fields are shown that something is special about, by the name of their behaviour.
_SPECIAL: dict[str, Callable[[FormatField], _Shown]] = {
    "entry_translations": _entry_translations,
    "event_date": _event_date,
    "of_bound": _of_bound,
    "segment": _segment_name,
}


class _Derived(NamedTuple):
    """A key that follows from a part or from its surroundings, and at which place of the document it stands."""

    at: int
    key: _Key


_DERIVED: dict[type, tuple[_Derived, ...]] = {
    Citation: (
        _Derived(
            1,
            _Key(
                "evidence",
                Annotated[
                    Literal["anchored", "located", "cited"],
                    Field(
                        description="How closely the passage is named: offsets and hash, page or time, or not at all."
                    ),
                ],
                lambda citation, _, __: evidence_of(citation),
            ),
        ),
    ),
    SourceFile: (
        _Derived(
            1,
            _Key(
                "href",
                Annotated[
                    str | None,
                    Field(description="The address at which the file is served here. Null where it is kept elsewhere."),
                ],
                lambda file, _, source: file_address(source["id"], file["name"]) if "path" in file else None,
            ),
        ),
    ),
    IndexEntry: (
        _Derived(
            len(fields_of(IndexEntry)),
            _Key(
                "language_of",
                Annotated[
                    dict[str, str],
                    Field(
                        description="The language (BCP 47) of each of its texts that is stated, as it is shown here."
                    ),
                ],
                _languages_of_entry,
            ),
        ),
    ),
    Act: (
        _Derived(
            len(fields_of(Act)),
            _Key(
                "responses",
                Annotated[
                    list[ActResponseDocument],
                    Field(description="What the actor answered about this event, or one that it is part of."),
                ],
                lambda act, to, event: to.responses(act, event),
            ),
        ),
    ),
}


# --- Whole records -------------------------------------------------------------------------------------------------


class DocumentRenderer:
    """Renders the records of one archive."""

    def __init__(self, fields: ArchiveFields, around: Surroundings) -> None:
        self._to = _Renderer(around)
        self._language = around.language
        self._records = {each.record: _rendering(each) for each in fields}

    def render(self, public: PublicRecord) -> dict[str, Any]:
        """Return the document of `public`, complete but for `version` and `updated_at`, which depend on the release."""
        plan, texts, own = self._records[public["record"]]
        fields = plan.render(public, self._to, public)
        return {
            "record": public["record"],
            "id": public["id"],
            **fields,
            "translations": public.get("translations", {}),
            "language_of": {
                name: public["language"] if is_own else self._language
                for name, is_own in texts
                if fields[name] not in (None, [])
            }
            | {f"custom.{name}": self._language for name in own if fields["custom"][name] not in (None, [])},
            "access": _access(public.get("access", {})),
        }


@lru_cache(512)
def _rendering(record: RecordFields) -> tuple[_Plan, list[tuple[str, bool]], list[str]]:
    """Return how each key of a record's document is rendered, its texts and its own texts: worked out once for all
    archives with the same fields, since a small archive is published in the time that this takes.
    """
    return _Plan(_record_keys(record)), _texts(record), own_texts(record)


def _access(access: Mapping[str, Any]) -> AccessDocument:
    consent = access.get("consent")
    return {
        "visibility": "public",
        "consent_basis": access.get("consent_basis"),
        "consent": None if consent is None else {"scope": consent.get("scope", []), "expires": consent.get("expires")},
    }


def _texts(record: RecordFields) -> list[tuple[str, bool]]:
    """Return the texts that can be translated, each with whether it is in the language that the record names."""
    found = ((each.name, each.mark(Translated)) for each in record.fields)
    return [(name, mark.is_in_own_language) for name, mark in found if mark is not None]


def own_texts(record: RecordFields) -> list[str]:
    """Return the names of the archive's own fields that can be translated."""
    return [each.name for each in record.own if each.mark(Translated) is not None]


def _record_keys(record: RecordFields) -> list[_Key]:
    return [key for each in record.fields for key in _keys_of(each)]


def document_shapes(fields: ArchiveFields) -> dict[RecordType, Any]:
    """Return the shape of each record type's document, as a typed dictionary with a description of every key."""
    return {each.record: record_shape(each) for each in fields}


@lru_cache(512)
def record_shape(record: RecordFields) -> Any:  # noqa: ANN401 - a typed dictionary made here
    """Return the shape of one record type's document."""
    own = {"record": Annotated[Literal[record.record], Field(description="The type of the record.")]}
    keys = own | {key.name: key.shape for key in _record_keys(record)}
    return _shape(record.model, RecordDocument.__annotations__ | keys, TypedDict)
