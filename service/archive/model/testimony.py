"""Testimonies: who tells what, transcripts and tables of contents."""

from typing import Annotated

from pydantic import Field

from service.archive.identifiers import AgentRef, EventRef, PlaceRef, TestimonyRef, TopicRef
from service.archive.marks import Behaves, Filtered, FromVocabulary, Searched, ShownAsPresence, Sorted, Translated
from service.archive.model.parts import NO_ENTRIES, NO_ITEMS, Citations, Part, Record, Relations
from service.archive.values import Edtf, FileName, Language, Seconds, SegmentName, Text
from service.archive.vocabularies import Attribution, ContributorRole, RedactionReason


class SegmentTranslation(Part):
    """What is said in a segment, in another language."""

    text: Annotated[Text, Searched(), Field(description="What is said, translated.")]


class Segment(Part):
    """A stretch of a transcript: its words, or why they are left out. Times are in seconds from the start of the recording."""

    id: Annotated[
        SegmentName | None,
        Field(
            description="Its name, which no other segment of the transcript has: letters, digits and hyphens. Without one, its position counts, from 1."
        ),
    ] = None
    start_s: Annotated[
        Seconds | None, Field(description="Where the stretch begins, in seconds from the start of the recording.")
    ] = None
    end_s: Annotated[Seconds | None, Field(description="Where it ends, in seconds.")] = None
    file: Annotated[
        FileName | None,
        Field(
            description="The recording that the times count in: the name of a public file of a source that is cited."
        ),
    ] = None
    speaker: Annotated[Text | None, Field(description="Who speaks, as the transcript names them.")] = None
    speaker_agent: Annotated[
        AgentRef | None, Field(description="Who speaks, as an agent of the archive, whose label is shown.")
    ] = None
    language: Annotated[
        Language | None,
        Field(description="The language that is spoken here (BCP 47), where it is not that of the testimony."),
    ] = None
    text: Annotated[Text | None, Searched(), Field(description="What is said. Null where the words are left out.")] = (
        None
    )
    redacted: Annotated[
        RedactionReason | None, Field(description="Why the words are left out, in place of the words.")
    ] = None
    translations: Annotated[
        dict[Language, SegmentTranslation],
        Field(description="What is said here in other languages, by language (BCP 47)."),
    ] = NO_ENTRIES


class Contributor(Part):
    """Somebody who had a part in an interview beside the witness, or as the one who was asked."""

    agent: Annotated[
        AgentRef,
        Filtered("With this agent among its contributors.", name="contributor"),
        Field(description="Who contributed."),
    ]
    role: Annotated[ContributorRole, Field(description="What they did.")]


class IndexEntryTranslation(Part):
    """What an entry of a table of contents says, in another language."""

    title: Annotated[Text | None, Searched(), Field(description="What the part is about, translated.")] = None
    synopsis: Annotated[Text | None, Searched(), Field(description="What is said in it, translated.")] = None
    keywords: Annotated[list[Text], Searched(), Field(description="Words that it can be found by, translated.")] = (
        NO_ITEMS
    )


class IndexEntry(Part):
    """An entry of an interview's table of contents, with or without a recording. Its texts are in the archive's language."""

    start_s: Annotated[
        Seconds | None, Field(description="Where the part begins, in seconds from the start of the recording.")
    ] = None
    title: Annotated[Text, Searched(), Field(description="What the part is about, in one line.")]
    synopsis: Annotated[
        Text | None, Searched(), Field(description="What is said in it, in the archive's own words.")
    ] = None
    keywords: Annotated[list[Text], Searched(), Field(description="Words that it can be found by.")] = NO_ITEMS
    topics: Annotated[
        list[TopicRef],
        Filtered(name="topic", is_wide=True),
        Field(description="The subject headings that the part is filed under."),
    ] = NO_ITEMS
    segment: Annotated[
        SegmentName | None,
        Behaves("segment"),
        Field(description="The segment of the transcript with which the part begins."),
    ] = None
    translations: Annotated[
        dict[Language, IndexEntryTranslation],
        Behaves("entry_translations"),
        Field(description="Its texts in other languages, by language (BCP 47)."),
    ] = NO_ENTRIES


class Testimony(Record):
    """What one witness, or a group of them, put on record; `summary` is in the archive's own words."""

    __test__ = False  # the name reads like a test class to pytest
    record = "testimony"

    title: Annotated[
        Text, Searched(is_name=True), Translated(), Sorted(), Field(description="Who testifies to what, in one line.")
    ]
    summary: Annotated[
        Text, Searched(), Translated(), Field(description="What the witness says, in the archive's own words.")
    ]
    witness: Annotated[
        AgentRef, Filtered("Given by this witness."), Field(description="Who testifies: a person, or a group.")
    ]
    contributors: Annotated[
        list[Contributor], Field(description="Who else had a part in the interview, and in what role.")
    ] = NO_ITEMS
    part_of: Annotated[
        TestimonyRef | None,
        Filtered("A session of this interview."),
        Field(description="The interview that this testimony is a session of."),
    ] = None
    events: Annotated[
        list[EventRef],
        Filtered("About this event, or a part of it.", name="event", is_wide=True),
        Field(description="The events it is about."),
    ] = NO_ITEMS
    place: Annotated[
        PlaceRef | None, Filtered(name="place", is_wide=True), Field(description="The place it is about.")
    ] = None
    topics: Annotated[
        list[TopicRef],
        Filtered(name="topic", is_wide=True),
        Field(description="The subject headings it is filed under."),
    ] = NO_ITEMS
    language: Annotated[
        Language,
        Filtered("In this language, as tagged (BCP 47)."),
        Field(description="The language of what was said, as held here (BCP 47)."),
    ]
    original_language: Annotated[
        Language | None, Field(description="The language it was first said in, where that is another one.")
    ] = None
    given: Annotated[
        Edtf | None, Sorted(), Field(description="When it was given (EDTF). Null where that is not known.")
    ] = None
    reported_by: Annotated[
        AgentRef | None,
        Filtered("Reported by this agent."),
        Field(description="Who published or passed on the testimony."),
    ] = None
    attribution: Annotated[
        Attribution,
        Filtered("Attributed to the witness in this way."),
        Field(
            description="How the words are known to be the witness's: in the first person, labelled with the name, or from the context only."
        ),
    ]
    hearsay: Annotated[
        list[AgentRef],
        Field(
            description="Through whom the account came, the nearest to the witness's own words first. Empty where the witness saw it."
        ),
    ] = NO_ITEMS
    content_warnings: Annotated[
        list[Text],
        FromVocabulary("content_warning"),
        Searched(),
        Translated(),
        Field(description="What a reader should be warned of before reading."),
    ] = NO_ITEMS
    index: Annotated[
        list[IndexEntry],
        Behaves("index"),
        Field(description="The interview's table of contents, in the order in which things are told."),
    ] = NO_ITEMS
    transcript: Annotated[
        list[Segment],
        Behaves("transcript"),
        ShownAsPresence("has_transcript"),
        Field(description="What was said, word for word, in segments. It is served at an address of its own."),
    ] = NO_ITEMS
    citations: Annotated[Citations, Field(description="The evidence for the testimony.")]
    relations: Relations = NO_ITEMS
