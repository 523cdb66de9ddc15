"""Statistics: figures as somebody stated them."""

from typing import Annotated, Literal

from pydantic import Field

from service.archive.identifiers import AgentRef, EventRef, PlaceRef, StatisticRef, TopicRef
from service.archive.marks import Behaves, Filtered, FromVocabulary, Searched, Sorted, Translated
from service.archive.model.parts import NO_ITEMS, RELATIONS, Citations, Part, Record, Relation
from service.archive.values import Edtf, Number, Text
from service.archive.vocabularies import Qualifier


class Breakdown(Part):
    """The part of a population that a figure counts, in the archive's own words."""

    sex: Annotated[Text | None, Filtered("Counting this sex."), Field(description="Of this sex alone.")] = None
    age: Annotated[Text | None, Filtered("Counting these ages."), Field(description="Of these ages alone.")] = None
    status: Annotated[
        Text | None,
        Filtered("Counting those of this status."),
        Field(description="Of this status alone, such as: civilians."),
    ] = None


class Statistic(Record):
    """One figure that somebody stated, with what it counts and how exactly it was put."""

    record = "statistic"

    title: Annotated[
        Text, Searched(is_name=True), Translated(), Sorted(), Field(description="What the figure says, in one line.")
    ]
    population: Annotated[Text, Searched(), Translated(), Field(description="What is counted.")]
    unit: Annotated[
        Text,
        FromVocabulary("unit"),
        Searched(),
        Translated(),
        Filtered("Counted in this unit."),
        Field(description="The unit it is counted in."),
    ]
    as_stated: Annotated[
        Text, Searched(), Translated(), Field(description="The few words of the figure itself, as the source puts it.")
    ]
    qualifier: Annotated[
        Qualifier,
        Filtered("Stated with this qualifier."),
        Field(description="How exactly the figure was put: exact, about, at least, between, and so on."),
    ]
    value: Annotated[Number | None, Sorted(), Field(description="The figure. Null where only bounds were stated.")] = (
        None
    )
    lower: Annotated[
        Number | None,
        Field(description="The least value that the statement allows. Null where no lower bound was stated."),
    ] = None
    upper: Annotated[
        Number | None,
        Field(description="The greatest value that the statement allows. Null where no upper bound was stated."),
    ] = None
    lower_inclusive: Annotated[
        bool,
        Behaves("of_bound"),
        Field(description="Whether the lower bound itself is allowed; shown as null where there is none."),
    ] = True
    upper_inclusive: Annotated[
        bool,
        Behaves("of_bound"),
        Field(description="Whether the upper bound itself is allowed; shown as null where there is none."),
    ] = True
    bounds_basis: Annotated[
        Literal["stated", "derived", "convention", "none"],
        Behaves("stated_range"),
        Field(
            description="Where the bounds come from: they were stated, derived from what was stated, follow a convention, or there are none."
        ),
    ]
    relative_to: Annotated[
        StatisticRef | None,
        Filtered("Stated as a part of this statistic."),
        Field(description="The statistic that this one is a part of: the base of most and all."),
    ] = None
    events: Annotated[
        list[EventRef], Filtered("About this event.", name="event"), Field(description="The events it is about.")
    ] = NO_ITEMS
    series: Annotated[
        Text | None,
        Searched(),
        Filtered("Of this series."),
        Field(description="The series that it is one figure of, by a name that all of them share."),
    ] = None
    period: Annotated[
        Edtf | None,
        Filtered("Covering this time."),
        Sorted(),
        Field(description="The time that the figure covers (EDTF)."),
    ] = None
    breakdown: Annotated[
        Breakdown | None, Field(description="The part of the population that is counted, where it is not the whole.")
    ] = None
    stated_on: Annotated[Edtf | None, Sorted(), Field(description="When the figure was stated (EDTF).")] = None
    place: Annotated[
        PlaceRef | None, Filtered(name="place", is_wide=True), Field(description="The place it is about.")
    ] = None
    topics: Annotated[
        list[TopicRef],
        Filtered(name="topic", is_wide=True),
        Field(description="The subject headings it is filed under."),
    ] = NO_ITEMS
    asserted_by: Annotated[AgentRef, Filtered("Asserted by this agent."), Field(description="Who stated the figure.")]
    reported_by: Annotated[
        AgentRef | None, Filtered("Reported by this agent."), Field(description="Who published or passed it on.")
    ] = None
    method: Annotated[
        Text | None, Searched(), Translated(), Field(description="How the figure was found, as far as that is stated.")
    ] = None
    citations: Annotated[Citations, Field(description="The evidence for the figure.")]
    content_warnings: Annotated[
        list[Text],
        FromVocabulary("content_warning"),
        Searched(),
        Translated(),
        Field(description="What a reader should know before reading on, such as: physical violence."),
    ] = NO_ITEMS
    relations: Annotated[list[Relation], Behaves("revisions"), Field(description=RELATIONS)] = NO_ITEMS
