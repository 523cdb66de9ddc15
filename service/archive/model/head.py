"""The head of an archive: what it is, who publishes it, and the vocabularies and fields that it declares."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from service.archive.identifiers import ID_LENGTH, RecordType
from service.archive.model.parts import NO_ENTRIES, NO_ITEMS, Part
from service.archive.values import Concept, Language, Rights, Text, WebAddress


class Publisher(Part):
    """Who publishes the archive."""

    name: Annotated[Text, Field(description="Who publishes the archive.")]
    url: Annotated[WebAddress | None, Field(description="Their address on the web.")] = None


class Theme(Part):
    """How the reading room looks for this archive. Nothing here can hide or move what pages say: a colour for rules and marks,
    never for words, and texts that are shown as texts.
    """

    title: Annotated[
        Annotated[Text, StringConstraints(max_length=120)] | None,
        Field(description="A shorter title for the head of each page and the title bar; the archive's own without it."),
    ] = None
    accent: Annotated[
        Annotated[str, StringConstraints(pattern=r"^#[0-9a-f]{6}$")] | None,
        Field(description="The colour of rules and marks: # and six lower-case hexadecimal digits, such as #8a4b2f."),
    ] = None
    footer: Annotated[
        Annotated[Text, StringConstraints(max_length=1000)] | None,
        Field(description="A text for the foot of each page, such as who stands behind the archive."),
    ] = None


#: Terms of one vocabulary, vocabularies, and fields of one type of record, at most; characters of a name and of a label.
MAX_TERMS, MAX_VOCABULARIES, MAX_FIELDS, NAME_LENGTH, LABEL_LENGTH = 10_000, 100, 200, 48, 300

#: The name of a vocabulary or a field of the archive's own: it stands in addresses and in the code of clients.
OwnName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=NAME_LENGTH)]
Label = Annotated[Text, StringConstraints(max_length=LABEL_LENGTH)]
Description = Annotated[Text, StringConstraints(max_length=4000)]


class LabelTranslation(Part):
    """A label and its description in another language."""

    label: Annotated[Label | None, Field(description="The label in this language.")] = None
    description: Annotated[Description | None, Field(description="The description in this language.")] = None


LabelTranslations = Annotated[
    dict[Language, LabelTranslation],
    Field(description="The label and the description in other languages, by language (BCP 47)."),
]


class Term(Part):
    """A term of a vocabulary: the value that records have, and what people read instead."""

    value: Annotated[
        Annotated[
            str,
            StringConstraints(max_length=120, pattern=r"^[^\x00-\x20\x7f\s]([^\x00-\x1f\x7f]*[^\x00-\x20\x7f\s])?$"),
        ],
        Field(description="What records have: short, and the same for ever."),
    ]
    label: Annotated[Label, Field(description="What people read, in the archive's language.")]
    broader: Annotated[Text | None, Field(description="The next broader term: its value.")] = None
    description: Annotated[Description | None, Field(description="What the term stands for.")] = None
    exact_match: Annotated[list[Concept], Field(description="Addresses of the same concept in other vocabularies.")] = (
        NO_ITEMS
    )
    translations: LabelTranslations = NO_ENTRIES


class Vocabulary(Part):
    """A list of terms of the archive's own. `event_type`, `source_type`, `place_kind`, `act_type`, `role`, `content_warning` and
    `unit` add to what the format has; every other name is for fields of the archive's own.
    """

    title: Annotated[Label | None, Field(description="What the vocabulary is called.")] = None
    closed: Annotated[
        bool,
        Field(description="Whether records may have only these terms, and those of the format where there are any."),
    ] = True
    terms: Annotated[
        Annotated[list[Term], Field(max_length=MAX_TERMS)],
        Field(description="The terms, in the order they are shown in."),
    ]


class OwnField(Part):
    """A field of the archive's own: records have it under `custom`."""

    name: Annotated[OwnName, Field(description="The field's name: lower-case letters, digits and underscores.")]
    label: Annotated[Label, Field(description="What people read, in the archive's language.")]
    kind: Annotated[
        Literal["text", "term", "number", "boolean", "date", "url", "reference"],
        Field(description="What the field holds. Dates are EDTF, a reference names a record."),
    ]
    vocabulary: Annotated[OwnName | None, Field(description="Of a term: the vocabulary that it is from.")] = None
    to: Annotated[
        list[RecordType],
        Field(description="Of a reference: the types of records that it may name; any where none is given."),
    ] = NO_ITEMS
    many: Annotated[bool, Field(description="Whether a record has a list of such values.")] = False
    unit: Annotated[Label | None, Field(description="Of a number: the unit it is in.")] = None
    description: Annotated[Description | None, Field(description="What the field says of a record.")] = None
    translations: LabelTranslations = NO_ENTRIES


Vocabularies = Annotated[
    dict[OwnName, Vocabulary],
    Field(max_length=MAX_VOCABULARIES, description="The archive's own vocabularies, by name."),
]
OwnFields = Annotated[
    dict[RecordType, Annotated[list[OwnField], Field(max_length=MAX_FIELDS)]],
    Field(description="The archive's own fields, by type of record."),
]


class Head(Part):
    """The archive itself. `contact` is where a person asks for a correction or a withdrawal; `coverage` says what
    the archive leaves out.
    """

    id: Annotated[
        Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=ID_LENGTH)],
        Field(description="The archive's own identifier: lower-case letters, digits and hyphens."),
    ]
    title: Annotated[Text, Field(description="The archive's title.")]
    description: Annotated[Text | None, Field(description="What the archive is about.")] = None
    language: Annotated[Language, Field(description="The language of the archive's own words (BCP 47).")]
    licence: Annotated[
        Rights,
        Field(
            description="What may be done with the archive: a rightsstatements.org URI or an SPDX licence identifier."
        ),
    ]
    publisher: Annotated[Publisher, Field(description="Who publishes the archive.")]
    contact: Annotated[Text, Field(description="Where a person asks for a correction or a withdrawal.")]
    coverage: Annotated[Text | None, Field(description="What the archive leaves out, and why.")] = None
    citation: Annotated[Text | None, Field(description="How the archive asks to be cited.")] = None
    theme: Annotated[Theme | None, Field(description="How the reading room looks for this archive.")] = None
    vocabularies: Vocabularies = NO_ENTRIES
    fields: OwnFields = NO_ENTRIES
