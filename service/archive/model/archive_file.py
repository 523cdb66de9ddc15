"""The whole archive file: its format, its records by type, and what was withdrawn."""

from typing import Annotated, Any, Literal

from pydantic import Field

from service.archive.identifiers import Identifier, RecordType
from service.archive.model.agent import Agent
from service.archive.model.event import Event
from service.archive.model.head import Head
from service.archive.model.parts import NO_ITEMS, Part, Record
from service.archive.model.place import Place
from service.archive.model.response import Response
from service.archive.model.source import Source
from service.archive.model.statistic import Statistic
from service.archive.model.testimony import Testimony
from service.archive.model.topic import Topic
from service.archive.values import Day

FORMAT = "testimony-archive/1"


class Withdrawn(Part):
    """The trace of a record that was withdrawn: its identifier, never used again, and the day."""

    id: Annotated[Identifier, Field(description="The identifier of the record, which is never used again.")]
    on: Annotated[Day, Field(description="The day it was withdrawn.")]


RECORD_MODELS: dict[RecordType, type[Record]] = {
    model.record: model for model in (Source, Agent, Place, Topic, Event, Testimony, Statistic, Response)
}


class ArchiveFile(Part):
    """A whole `archive.json`. For its JSON Schema: files are read record by record, never through this model."""

    format: Annotated[Literal["testimony-archive/1"], Field(description="The format and its version.")]
    archive: Annotated[Head, Field(description="The archive itself.")]
    sources: Annotated[list[Source], Field(description="Its sources.")] = NO_ITEMS
    agents: Annotated[list[Agent], Field(description="Its persons, groups and organisations.")] = NO_ITEMS
    places: Annotated[list[Place], Field(description="Its places.")] = NO_ITEMS
    topics: Annotated[list[Topic], Field(description="Its subject headings.")] = NO_ITEMS
    events: Annotated[list[Event], Field(description="Its events.")] = NO_ITEMS
    testimonies: Annotated[list[Testimony], Field(description="Its testimonies.")] = NO_ITEMS
    statistics: Annotated[list[Statistic], Field(description="Its figures.")] = NO_ITEMS
    responses: Annotated[list[Response], Field(description="Its answers.")] = NO_ITEMS
    withdrawn: Annotated[list[Withdrawn], Field(description="The records that were withdrawn.")] = NO_ITEMS


def archive_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of an `archive.json`."""
    schema = ArchiveFile.model_json_schema()
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:testimony-archive:format:1",
        **schema,
        "title": "Testimony archive, format version 1",
    }
