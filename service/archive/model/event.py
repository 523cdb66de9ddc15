"""Events: what happened, who took part, what was done, and what is claimed otherwise."""

from collections.abc import Collection
from typing import Annotated, ClassVar, Literal, get_args

from pydantic import Field, ValidationInfo, field_validator

from service.archive.identifiers import AgentRef, EventRef, PlaceRef, RefersTo, TopicRef
from service.archive.marks import Behaves, Filtered, FromVocabulary, Searched, Sorted, Translated, TypedBy
from service.archive.model.parts import NO_ITEMS, Citations, Part, Record, Relations
from service.archive.values import Edtf, Text, claimed_value
from service.archive.vocabularies import ClaimedField, EventType, Outcome


class Participant(Part):
    """Somebody who took part in an event, and in what role."""

    agent: Annotated[
        AgentRef,
        Filtered("With this agent among its participants.", name="participant"),
        Field(description="Who took part."),
    ]
    role: Annotated[Text, FromVocabulary("role"), Field(description="In what role, in the archive's own words.")]


class ActFinding(Part):
    """What a court, a commission or another body found of an act. A later finding takes the place of an earlier one."""

    body: Annotated[AgentRef, Field(description="Who found it.")]
    outcome: Annotated[Outcome, Field(description="What was found, or what became of an earlier finding.")]
    date: Annotated[Edtf | None, Field(description="When it was found (EDTF).")] = None
    final: Annotated[bool, Field(description="Whether no ordinary appeal is left.")] = False
    citations: Annotated[Citations, Field(description="The evidence for the finding.")]


class Act(Part):
    """One thing that somebody says was done in an event, and how far it is established."""

    type: Annotated[
        Text,
        FromVocabulary("act_type"),
        Filtered("With an act of this type.", name="act"),
        Field(description="What was done, in a word or two."),
    ]
    description: Annotated[Text | None, Searched(), Field(description="What was done, in the archive's own words.")] = (
        None
    )
    victim: Annotated[AgentRef | None, Field(description="Whom it was done to. Null where nobody is named.")] = None
    actor: Annotated[AgentRef | None, Field(description="Who is said to have done it. Null where nobody is named.")] = (
        None
    )
    status: Annotated[
        Literal["alleged", "reported", "admitted", "established", "rejected"],
        Field(
            description="How far the act is established: alleged, reported, admitted by the actor, or established by a finding."
        ),
    ]
    asserted_by: Annotated[AgentRef, Field(description="Who says so.")]
    citations: Annotated[Citations, Field(description="The evidence for the act.")]
    findings: Annotated[list[ActFinding], Field(description="What courts and other bodies found of it.")] = NO_ITEMS


class Claim(Part):
    """What somebody says of an event's date, place or type. Claims may differ; the event's own value is the archive's choice."""

    #: The types of events that there are; None where any will do.
    event_types: ClassVar[Collection[str] | None] = frozenset(get_args(EventType))

    field: Annotated[ClaimedField, Field(description="The field of the event that the claim is about.")]
    value: Annotated[
        Text,
        TypedBy("field"),
        RefersTo("place", where=("field", "place")),
        Field(description="What is claimed, as the field holds it: a date (EDTF), a place, or a type of event."),
    ]
    asserted_by: Annotated[AgentRef, Field(description="Who says so.")]
    citations: Annotated[Citations, Field(description="The evidence for the claim.")]

    @field_validator("value")
    @classmethod
    def _is_of_its_field(cls, value: str, info: ValidationInfo) -> str:
        # Without a field that there is, nothing can be said of the value: that is told by itself.
        claimed = info.data.get("field")
        return value if claimed is None else claimed_value(claimed, value, cls.event_types)


class Event(Record):
    """Something that happened, or that somebody says happened."""

    record = "event"

    type: Annotated[
        EventType,
        FromVocabulary("event_type"),
        Filtered("Of this type."),
        Field(description="What kind of event it was."),
    ]
    title: Annotated[
        Text, Searched(is_name=True), Translated(), Sorted(), Field(description="What happened, to whom, in one line.")
    ]
    summary: Annotated[
        Text | None, Searched(), Translated(), Field(description="What happened, in the archive's own words.")
    ] = None
    date: Annotated[
        Edtf | None,
        Behaves("event_date"),
        Sorted(is_default=True),
        Field(description="When it happened (EDTF). Null where nobody says."),
    ]
    date_note: Annotated[
        Text | None,
        Searched(),
        Translated(),
        Field(description="Why the date is unknown or incomplete, or how it was found."),
    ] = None
    place: Annotated[
        PlaceRef | None,
        Behaves("event_place"),
        Filtered(name="place", is_wide=True),
        Field(description="Where it happened."),
    ] = None
    topics: Annotated[
        list[TopicRef],
        Filtered(name="topic", is_wide=True),
        Field(description="The subject headings it is filed under."),
    ] = NO_ITEMS
    participants: Annotated[list[Participant], Field(description="Who took part, and in what role.")] = NO_ITEMS
    acts: Annotated[
        list[Act],
        Behaves("acts"),
        Field(
            description="Single acts within the event: who did what to whom, who says so, and how far it is established."
        ),
    ] = NO_ITEMS
    claims: Annotated[
        list[Claim],
        Behaves("claims"),
        Field(
            description="What others say of its date, its place or its type. Filters look at claims too; the event's own values are the archive's choice."
        ),
    ] = NO_ITEMS
    part_of: Annotated[
        EventRef | None,
        Filtered("Part of this event, or of a part of it.", is_wide=True),
        Field(description="The larger event that this one is a part of."),
    ] = None
    citations: Annotated[Citations, Field(description="The evidence for the event.")]
    content_warnings: Annotated[
        list[Text],
        FromVocabulary("content_warning"),
        Searched(),
        Translated(),
        Field(description="What a reader should know before reading on, such as: physical violence."),
    ] = NO_ITEMS
    relations: Relations = NO_ITEMS
