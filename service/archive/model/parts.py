"""What records share: the base of every object of the format, access, citations, relations, and what each record has."""

from typing import Annotated, Any, ClassVar, Literal, get_origin

from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler, JsonValue, WithJsonSchema, create_model
from pydantic_core import CoreSchema, core_schema

from service.archive.identifiers import AgentRef, Identifier, RecordType, RelatedRef, SourceRef
from service.archive.marks import Behaves, Filtered, NotShown, Searched, Translated
from service.archive.values import Day, Language, Page, Rights, Seconds, Sha256, Text, WebAddress
from service.archive.vocabularies import ConsentScope, RelationType


class Part(BaseModel):
    """What every object of the format has in common: exact types, no unknown field, not changed after reading."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class _NoItems(list[Any]):
    """An empty list that Pydantic does not copy for each record, since it can be hashed: nothing changes a record."""

    __hash__ = object.__hash__  # type: ignore[assignment]

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: object, _handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.list_schema()


class _NoEntries(dict[Any, Any]):
    """The same as an object."""

    __hash__ = object.__hash__  # type: ignore[assignment]

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: object, _handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.dict_schema()


NO_ITEMS, NO_ENTRIES = _NoItems(), _NoEntries()


class Consent(Part):
    """What somebody consented to, and until when. Only `scope` and `expires` are ever published.

    A record whose consent has expired, or whose `scope` is stated and does not hold `publish`, is not public.
    """

    scope: Annotated[
        list[ConsentScope],
        Field(
            min_length=1,
            description="What the consent covers. Empty where that is not stated; where it is stated without `publish`, the record is not public.",
        ),
    ] = NO_ITEMS
    given: Annotated[Day | None, Field(description="The day it was given. It is never published.")] = None
    expires: Annotated[
        Day | None,
        Field(
            description="The first day on which the consent no longer holds, in UTC: what is published from that day on lacks the record. Null where it does not expire."
        ),
    ] = None
    review: Annotated[
        Day | None, Field(description="The day on which the archive means to ask again. It is never published.")
    ] = None
    reference: Annotated[
        Text | None, Field(description="Where the archive keeps the consent itself. It is never published.")
    ] = None


class Access(Part):
    """Who may see a record, and on what footing. `private` may hold anything and is never published."""

    visibility: Annotated[
        Literal["public", "embargoed", "restricted"],
        Field(
            description="Who may see the record: everybody; nobody before a day (embargoed); or nobody at all (restricted). Only public records reach a release."
        ),
    ] = "public"
    embargo_until: Annotated[
        Day | None, Field(description="The day from which an embargoed record is public. Days are those of UTC.")
    ] = None
    consent_basis: Annotated[
        Literal["direct", "published_source", "guardian", "none_recorded"] | None,
        Field(
            description="On what footing the record is public: consent given to the archive (direct), a source that was published before, a guardian's consent, or none that was recorded. Null where it is not stated."
        ),
    ] = None
    consent: Annotated[
        Consent | None,
        Field(description="What the consent covers, and until when. Null where it is not stated."),
    ] = None
    private: Annotated[
        JsonValue, Field(description="Whatever the archive keeps for itself. It is never published.")
    ] = None


class Citation(Part):
    """One claim's evidence: the source and, where possible, the passage.

    `start` and `end` are offsets in Unicode code points into the source's text, `end` exclusive; `sha256` is the hash
    of those characters in UTF-8. `time` is [start, end] in seconds. `masked` is the editor's word that the passage
    itself names nobody whose name is protected.
    """

    source: Annotated[
        SourceRef,
        Filtered("Citing this source.", name="source"),
        Field(description="The source that the claim comes from."),
    ]
    start: Annotated[
        int | None, Field(description="Where the passage begins in the source's text, in Unicode code points from 0.")
    ] = None
    end: Annotated[
        int | None,
        Field(description="Where the passage ends, in code points; the character at this place is no part of it."),
    ] = None
    sha256: Annotated[
        Sha256 | None,
        Field(description="SHA-256 of the passage's characters in UTF-8, so that whoever holds the text can check it."),
    ] = None
    page: Annotated[Page | None, Field(description="The page of the source, as a number or as it is printed.")] = None
    time: Annotated[
        Annotated[list[Seconds], Field(min_length=2, max_length=2)] | None,
        Field(description="Beginning and end of the passage in seconds from the start of the recording."),
    ] = None
    quote: Annotated[
        Text | None, Searched(), Field(description="The words of the passage, where the source may be republished.")
    ] = None
    note: Annotated[Text | None, Field(description="What a reader should know about this evidence.")] = None
    masked: Annotated[
        bool,
        NotShown(),
        Field(description="The editor's word that the passage itself names nobody whose name is protected."),
    ] = False

    @property
    def anchored(self) -> bool:
        """True where the exact passage is named by offsets and hash."""
        return self.start is not None and self.end is not None and self.sha256 is not None

    @property
    def evidence(self) -> Literal["anchored", "located", "cited"]:
        """How closely the passage is named: offsets and hash, a page or time, or the source alone."""
        if self.anchored:
            return "anchored"
        return "located" if self.page is not None or self.time is not None else "cited"


Citations = Annotated[list[Citation], Field(min_length=1)]


class ExternalIdentifier(Part):
    """What others call the same thing: a value under a scheme, such as doi or an archive's own inventory."""

    scheme: Annotated[
        Text,
        Field(description="Whose identifier it is: a scheme such as doi, isbn, wikidata, or a catalogue's short name."),
    ]
    value: Annotated[
        Text,
        Searched(),
        Filtered("With this identifier elsewhere: its value, or scheme:value.", name="identifier", is_counted=False),
        Field(description="The identifier itself, as the scheme writes it."),
    ]
    url: Annotated[WebAddress | None, Field(description="An address at which the identifier is resolved.")] = None


class Relation(Part):
    """How a record stands to another one, and who says so where it is not the archive itself. It is shown at both ends."""

    type: Annotated[
        RelationType,
        Filtered("That states a relation of this type.", name="relation"),
        Field(description="What this record does with the other one, or what it is to it."),
    ]
    to: Annotated[
        RelatedRef,
        Filtered("That states a relation to this record.", name="related_to"),
        Field(description="The other record: a testimony, an event, a statistic or a source."),
    ]
    asserted_by: Annotated[
        AgentRef | None, Field(description="Who says so. Null where it is the archive's own finding.")
    ] = None
    note: Annotated[Text | None, Searched(), Field(description="What a reader should know about this relation.")] = None
    citations: Annotated[list[Citation], Field(description="The evidence for the relation.")] = NO_ITEMS


RELATIONS = "How this record stands to others: what it disputes, corroborates, revises, translates or repeats."
Relations = Annotated[list[Relation], Behaves("relations"), Field(description=RELATIONS)]


class Custom(Part):
    """What a record has in the archive's own fields, which its head declares: none here. See `own_fields.py`."""


class Record(Part):
    """What every record has: an identifier, the archive's own fields, translations of its text fields, access, and what
    others call it.
    """

    # Built once the translations are known: see below.
    model_config = ConfigDict(defer_build=True)

    #: The record's type, its `record` key in a `.jsonl` file.
    record: ClassVar[RecordType]
    #: The texts of a record of this type in another language: its fields that are marked as translated.
    Translation: ClassVar[type[Part]]

    id: Annotated[
        Identifier,
        Field(
            description="The record's identifier: a prefix that names its type, then lower-case letters, digits and hyphens."
        ),
    ]
    access: Annotated[Access, Field(description="Who may see the record, and on what footing.")] = Access()
    custom: Annotated[
        Custom,
        Behaves("own_fields"),
        WithJsonSchema({"type": "object"}),
        Field(description="The archive's own fields, by the names that its head declares for records of this type."),
    ] = Custom()
    translations: Annotated[
        dict[Language, Any],
        Field(description="Translations of the record's texts, by language (BCP 47), under the names of the fields."),
    ] = NO_ENTRIES
    identifiers: Annotated[
        list[ExternalIdentifier],
        Behaves("identifiers"),
        Field(description="What others call the same thing. A protected agent has none."),
    ] = NO_ITEMS
    tags: Annotated[
        list[Text],
        Searched(),
        Filtered("With this tag.", name="tag"),
        Field(description="Words that the archive files the record under, beside its topics."),
    ] = NO_ITEMS
    notes: Annotated[
        list[Text],
        Searched(),
        Translated(),
        Field(description="What a reader should know of the record itself, in the archive's own words."),
    ] = NO_ITEMS
    licence: Annotated[
        Rights | None,
        Filtered("Under this licence, which is not the archive's."),
        Field(description="What may be done with this record, where that is not what the archive's licence says."),
    ] = None

    @classmethod
    def __pydantic_init_subclass__(cls, **_: Any) -> None:  # noqa: ANN401 - as Pydantic declares it
        """Let translations have the fields that are marked as translated, of this type of record."""
        texts = _translated_fields(cls, f"{cls.__name__}Translation")
        name = f"{cls.__name__}Translation"
        cls.Translation = create_model(
            name,
            __base__=Part,
            __doc__=f"Texts of a {cls.record} in another language.",
            __module__=cls.__module__,
            __qualname__=f"{cls.__qualname__}.{name}",
            **texts,
        )
        # Where pickle finds it: records are handed over between processes.
        setattr(cls, name, cls.Translation)
        cls.model_fields["translations"].annotation = dict[Language, cls.Translation]  # type: ignore[name-defined]
        cls.model_rebuild(force=True)


def _translated_fields(model: type[Part], name: str) -> dict[str, Any]:
    """Return the fields that a translation of a record, or of a part of one, has, as `create_model` takes them."""
    texts: dict[str, Any] = {}
    for key, described in model.model_fields.items():
        text = Field(default=None, description=described.description)
        if any(isinstance(mark, Translated) for mark in described.metadata):
            # Of a vocabulary or not, in another language it is a text.
            shape: Any = list[Text] if get_origin(described.annotation) is list else Text
            texts[key] = (shape | None, text)
        elif described.annotation == dict[str, Any]:  # whatever was meant: see `own_fields.lenient_models`
            texts[key] = (dict[str, Any] | None, text)
        elif (inner := _translated_inside(described.annotation, name)) is not None:
            made = create_model(f"{name}{key.title()}", __base__=Part, __module__=model.__module__, **inner)
            texts[key] = (made | None, text)
    return texts


def _translated_inside(part: Any, name: str) -> dict[str, Any] | None:  # noqa: ANN401 - whatever an annotation may be
    is_own = isinstance(part, type) and issubclass(part, Custom)
    return (_translated_fields(part, name) or None) if is_own else None
