"""Topics: subject headings."""

from typing import Annotated

from pydantic import Field

from service.archive.identifiers import Identifier, TopicRef
from service.archive.marks import Filtered, Searched, Sorted, Translated
from service.archive.model.parts import NO_ITEMS, Record
from service.archive.values import Concept, Text


class Topic(Record):
    """A subject heading; `broader` makes the headings a tree."""

    record = "topic"

    id: Annotated[
        Identifier,
        Filtered("This topic itself or a narrower one.", name="topic", is_wide=True),
        Field(description="The topic's identifier."),
    ]
    label: Annotated[Text, Searched(is_name=True), Translated(), Sorted(), Field(description="The heading.")]
    broader: Annotated[
        TopicRef | None,
        Filtered("Directly below this topic."),
        Field(description="The next broader topic. Null at the top of the tree."),
    ] = None
    description: Annotated[
        Text | None, Searched(), Translated(), Field(description="What belongs under the heading.")
    ] = None
    exact_match: Annotated[list[Concept], Field(description="Addresses of the same concept in other vocabularies.")] = (
        NO_ITEMS
    )
