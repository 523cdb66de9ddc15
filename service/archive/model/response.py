"""Responses: what the accused, and those who were asked, answered."""

from typing import Annotated

from pydantic import Field

from service.archive.identifiers import AgentRef, SubjectRef
from service.archive.marks import Filtered, Searched, Sorted, Translated
from service.archive.model.parts import NO_ITEMS, Citations, Record
from service.archive.values import Edtf, Text
from service.archive.vocabularies import ResponseKind


class Response(Record):
    """What a party that was asked, or should have been, is recorded to have answered."""

    record = "response"

    party: Annotated[AgentRef, Filtered("By this party."), Field(description="Who answered, or was asked and did not.")]
    kind: Annotated[ResponseKind, Filtered("Of this kind."), Field(description="What the answer was.")]
    referred_to: Annotated[AgentRef | None, Field(description="Whom the party referred the question to.")] = None
    via: Annotated[AgentRef | None, Field(description="Through whom the question was put.")] = None
    asked_by: Annotated[AgentRef | None, Field(description="Who asked.")] = None
    about: Annotated[
        list[SubjectRef],
        Filtered("About this event, testimony, statistic or agent."),
        Field(description="What the question was about. Empty where that is not stated."),
    ] = NO_ITEMS
    subject: Annotated[Text | None, Searched(is_name=True), Translated(), Field(description="What was asked.")] = None
    summary: Annotated[
        Text | None, Searched(), Translated(), Field(description="The answer, in the archive's own words.")
    ] = None
    date: Annotated[Edtf | None, Sorted(), Field(description="When the answer was given (EDTF).")] = None
    citations: Annotated[Citations, Field(description="The evidence for the answer.")]
