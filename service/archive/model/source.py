"""Sources: what the archive's evidence stands in, with their texts, files and custody."""

from typing import Annotated

from pydantic import Field

from service.archive.identifiers import AgentRef, Identifier, SourceRef
from service.archive.marks import (
    Behaves,
    Filtered,
    FromVocabulary,
    NotShown,
    Searched,
    ShownAsPresence,
    Sorted,
    Translated,
)
from service.archive.model.parts import NO_ITEMS, Part, Record, Relations
from service.archive.values import (
    Count,
    Day,
    DayOrMoment,
    Edtf,
    FileName,
    FilePath,
    Language,
    MediaType,
    Moment,
    Pixels,
    Rights,
    Seconds,
    Sha256,
    Text,
    WebAddress,
)
from service.archive.vocabularies import CustodyAction, FileRole, RedactionReason, SourceType


class SourceText(Part):
    """The measures of a source's text: `length` in code points, `bytes` in UTF-8, and the SHA-256 of those bytes."""

    length: Annotated[Count, Field(description="Length of the text in Unicode code points.")]
    bytes: Annotated[Count, Field(description="Size of the text in UTF-8, in bytes.")]
    sha256: Annotated[Sha256, Field(description="SHA-256 of these bytes.")]
    content: Annotated[
        str | None,
        Searched(),
        ShownAsPresence("has_text"),
        Field(description="The text itself, where it may be republished. It is served at an address of its own."),
    ] = None


class SourceFile(Part):
    """A file of a source: a recording, a scan, its subtitles. `path` leads to it from the folder of the archive file; a file
    that is kept elsewhere has a `url`. Only public files are published, and of the others nothing at all.

    `masked` is the editor's word that a public file neither shows, sounds nor names anybody who is protected.
    """

    name: Annotated[
        FileName,
        Searched(),
        Field(description="The file's name, under which it is served: one of its own in the source."),
    ]
    path: Annotated[
        FilePath | None,
        Field(
            description="Where the file lies, from the folder of the archive file. In a published archive it is files/ and the file's SHA-256. Null where it is not kept here."
        ),
    ] = None
    url: Annotated[WebAddress | None, Field(description="Where the file is kept elsewhere.")] = None
    media_type: Annotated[
        MediaType,
        Filtered("With a file of this media type."),
        Field(description="The file's media type, such as video/mp4."),
    ]
    bytes: Annotated[Count | None, Field(description="Its size in bytes.")] = None
    sha256: Annotated[Sha256, Field(description="SHA-256 of its bytes.")]
    role: Annotated[
        FileRole,
        Filtered("With a file in this role.", name="file_role"),
        Field(
            description="What the file is to the source: the original, a copy to watch or read, a transcript, and so on."
        ),
    ]
    language: Annotated[Language | None, Field(description="The language of what is said or written in it.")] = None
    duration_s: Annotated[Seconds | None, Field(description="How long the recording lasts, in seconds.")] = None
    width: Annotated[Pixels | None, Field(description="Width of the picture in pixels.")] = None
    height: Annotated[Pixels | None, Field(description="Height of the picture in pixels.")] = None
    alt: Annotated[
        Text | None, Searched(), Field(description="What the picture shows, for those who cannot see it.")
    ] = None
    public: Annotated[bool, Field(description="Whether the file is published. Nothing of any other is.")] = False
    masked: Annotated[
        bool,
        NotShown(),
        Field(description="The editor's word that the file neither shows, sounds nor names anybody who is protected."),
    ] = False


class Custody(Part):
    """Something that was done with a source on its way to the archive, and in it."""

    on: Annotated[DayOrMoment, Field(description="When: a day, or a moment with its offset from UTC.")]
    agent: Annotated[AgentRef | None, Field(description="Who did it. Null where that is not stated.")] = None
    action: Annotated[CustodyAction, Field(description="What was done.")]
    tool: Annotated[Text | None, Field(description="With what program or device.")] = None
    note: Annotated[Text | None, Field(description="What else is to be known about it.")] = None


class Redaction(Part):
    """A passage of a source's text whose characters were replaced, one by one, by U+2588 (█)."""

    start: Annotated[Count, Field(description="Where the passage begins, in Unicode code points from 0.")]
    end: Annotated[
        Count, Field(description="Where it ends, in code points; the character at this place is no part of it.")
    ]
    reason: Annotated[RedactionReason, Field(description="Why its words are left out.")]
    on: Annotated[Day, Field(description="The day on which they were taken out.")]


class Source(Record):
    """A published or held item that claims are cited from."""

    record = "source"

    id: Annotated[
        Identifier, Filtered("This source itself.", name="source"), Field(description="The source's identifier.")
    ]
    type: Annotated[
        SourceType,
        FromVocabulary("source_type"),
        Filtered("Of this type."),
        Field(description="What kind of item the source is."),
    ]
    title: Annotated[
        Text,
        Searched(is_name=True),
        Translated(is_in_own_language=True),
        Sorted(),
        Field(description="The source's title, in the source's language."),
    ]
    publisher: Annotated[
        AgentRef | None,
        Filtered("Published by this agent."),
        Field(description="Who published the source. Null where that is not known."),
    ] = None
    creators: Annotated[
        list[AgentRef], Field(description="Who made the source, in the order in which it names them.")
    ] = NO_ITEMS
    language: Annotated[
        Language,
        Filtered("In this language, as tagged (BCP 47)."),
        Field(description="The language of the source, as a BCP 47 tag."),
    ]
    published: Annotated[
        Edtf | None, Sorted(), Field(description="When the source was published (EDTF). Null where it is undated.")
    ] = None
    url: Annotated[WebAddress | None, Field(description="Where the source was found, an http or https address.")] = None
    archived_url: Annotated[WebAddress | None, Field(description="Where a copy of it is kept.")] = None
    retrieved: Annotated[Day | None, Field(description="The day on which the archive fetched it.")] = None
    rights: Annotated[
        Rights,
        Field(
            description="What may be done with the source: a rightsstatements.org URI or an SPDX licence identifier."
        ),
    ]
    verbatim: Annotated[
        bool, Field(description="Whether the source's own words may be republished: quotes, transcripts and its text.")
    ] = False
    text: Annotated[
        SourceText | None,
        Behaves("source_text"),
        Field(
            description="The measures of the source's text, which a copy can be checked against. Null where it has no text."
        ),
    ] = None
    redactions: Annotated[
        list[Redaction], Field(description="The passages of the text whose words were taken out.")
    ] = NO_ITEMS
    duration_s: Annotated[Seconds | None, Field(description="How long the recording lasts, in seconds.")] = None
    recorded: Annotated[
        Edtf | None,
        Filtered("Recorded in this time."),
        Sorted(),
        Field(description="When it was recorded, filmed or written down (EDTF). Null where that is not known."),
    ] = None
    captured: Annotated[
        Moment | None, Field(description="The moment at which the archive captured it, with its offset from UTC.")
    ] = None
    held_at: Annotated[
        Text | None,
        Searched(),
        Translated(),
        Field(description="Where the original is held, such as an archive and a shelf mark."),
    ] = None
    part_of: Annotated[
        SourceRef | None,
        Filtered("Part of this source."),
        Field(description="The larger source that this one is a part of."),
    ] = None
    files: Annotated[
        list[SourceFile], Behaves("files"), Field(description="Its files, as far as they are published.")
    ] = NO_ITEMS
    custody: Annotated[
        list[Custody], Field(description="Through whose hands it came, and what was done with it, the earliest first.")
    ] = NO_ITEMS
    masked: Annotated[
        bool,
        NotShown(),
        Field(description="The editor's word that the source itself does not name a creator who is protected."),
    ] = False
    content_warnings: Annotated[
        list[Text],
        FromVocabulary("content_warning"),
        Searched(),
        Translated(),
        Field(description="What a reader should know before reading on, such as: physical violence."),
    ] = NO_ITEMS
    relations: Relations = NO_ITEMS
