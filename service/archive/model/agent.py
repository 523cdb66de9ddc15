"""Agents: persons, groups and organisations."""

from typing import Annotated, Literal

from pydantic import Field

from service.archive.identifiers import AgentRef
from service.archive.marks import Filtered, Searched, Sorted, Translated
from service.archive.model.parts import NO_ITEMS, Citation, Citations, Part, Record
from service.archive.values import Concept, Edtf, Language, Text
from service.archive.vocabularies import AgentKind, NameKind, WhereaboutsStatus


class AgentName(Part):
    """Another name of an agent, or the same in another script."""

    text: Annotated[Text, Searched(is_name=True), Field(description="The name.")]
    language: Annotated[
        Language | None, Field(description="The language and script it is written in (BCP 47), such as uk or ru-Latn.")
    ] = None
    kind: Annotated[
        NameKind | None,
        Field(
            description="How it is another: a name that is also used (alias), the same in another script (transliteration), or one that is no longer used (former)."
        ),
    ] = None


class AgentStatus(Part):
    """What somebody stated of a person's whereabouts. The latest by its date holds; one without a date is as late as the
    one that is listed before it, and of two of one day the later listed holds.
    """

    status: Annotated[
        WhereaboutsStatus,
        Filtered("With this as the latest status.", is_latest=True),
        Field(description="What was known of the person."),
    ]
    date: Annotated[Edtf | None, Field(description="When that was so (EDTF). Null where it is not stated.")] = None
    asserted_by: Annotated[AgentRef, Field(description="Who states it.")]
    citations: Annotated[Citations, Field(description="The evidence for it.")]


class Agent(Record):
    """A person, group or organisation. `name` is only for those whose name may be published; of somebody `unknown`
    the archive has none.
    """

    record = "agent"

    kind: Annotated[
        AgentKind,
        Filtered("Of this kind."),
        Field(description="Whether the agent is a person, a group or an organisation."),
    ]
    name_policy: Annotated[
        Literal["published", "pseudonym", "withheld", "unknown"],
        Field(description="Whether the name may be published, is replaced by a pseudonym, or is withheld."),
    ]
    name: Annotated[
        Text | None,
        Searched(is_name=True),
        Translated(),
        Field(description="The name, only where it may be published."),
    ] = None
    label: Annotated[
        Text | None,
        Searched(is_name=True),
        Translated(),
        Sorted(),
        Field(description="What is shown instead of a name that is not published."),
    ] = None
    description: Annotated[
        Text | None, Searched(), Translated(), Field(description="Who the agent is, in the archive's own words.")
    ] = None
    names: Annotated[
        list[AgentName],
        Field(description="Other names and spellings that may be published. Somebody protected or unknown has none."),
    ] = NO_ITEMS
    age_stated: Annotated[
        Annotated[int, Field(ge=0, le=150)] | None,
        Field(description="The person's age in years, as a source states it."),
    ] = None
    age_as_stated: Annotated[
        Text | None,
        Searched(),
        Translated(),
        Field(description="The age as a source puts it, where that is no number: about forty, a schoolchild."),
    ] = None
    birth: Annotated[
        Edtf | None,
        Filtered("Born then."),
        Sorted(),
        Field(description="When the person was born (EDTF). Of somebody protected it is not told."),
    ] = None
    death: Annotated[
        Edtf | None,
        Filtered("Died then."),
        Sorted(),
        Field(description="When the person died (EDTF). Of somebody protected it is not told."),
    ] = None
    status: Annotated[
        list[AgentStatus],
        Field(description="What was known of the person's whereabouts, over time: missing, detained, found."),
    ] = NO_ITEMS
    member_of: Annotated[
        list[AgentRef],
        Filtered("A member of this group or organisation."),
        Field(description="The groups and organisations that the agent belongs to."),
    ] = NO_ITEMS
    exact_match: Annotated[
        list[Concept],
        Field(description="Addresses of the same agent in other vocabularies. A protected agent has none."),
    ] = NO_ITEMS
    citations: Annotated[list[Citation], Field(description="The evidence for what is said of the agent.")] = NO_ITEMS
