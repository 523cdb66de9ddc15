"""The tables of one release. Written once by `publish`, then read only, so there are no updates and no migrations.

A record's `ordinal` is its place among all public records sorted by identifier: small, dense, and in the same order as
the identifiers themselves. Identifiers begin with their type, so the records of a collection are neighbours; a record's
*member* is its number within its collection, from 0. What a record can be found by are sets of members (see `orders.py`),
kept apart from documents, which are touched only for the page that is shown.
"""

from collections.abc import Iterable, Iterator
from functools import cache

from sqlalchemy import Column, ForeignKey, Index, Integer, LargeBinary, String, Table, create_mock_engine, insert
from sqlalchemy.dialects import sqlite
from sqlalchemy.schema import CreateTable, ExecutableDDLElement
from sqlmodel import Field, SQLModel


class ArchiveHead(SQLModel, table=True):
    """One row: the archive's own description."""

    __tablename__ = "archive_head"

    id: str = Field(primary_key=True)
    #: The head of the archive file as JSON.
    document: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class RecordRow(SQLModel, table=True):
    """One public record. The document it is served as lies in a file of its own: see `document_file.py`."""

    __tablename__ = "record"

    ordinal: int = Field(primary_key=True)
    id: str = Field(unique=True)
    #: 1 when the record first appeared, one more for each release that changed what is served of it.
    version: int
    #: When it last changed: UTC, RFC 3339, to the second.
    updated_at: str
    #: SHA-256 of what is served of the record less `version` and `updated_at`: tells a change from none.
    digest: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class CollectionRow(SQLModel, table=True):
    """Where the records of a collection lie: `size` ordinals from `first` on."""

    __tablename__ = "collection"

    name: str = Field(primary_key=True)
    first: int
    size: int


class TermRow(SQLModel, table=True):
    """One value of one filter of one collection, such as topic top-privacy of events, and the records it finds."""

    __tablename__ = "term"
    __table_args__ = (Index("term_of_value", "collection", "name", "value", unique=True),)

    id: int = Field(primary_key=True)
    collection: str
    name: str
    value: str
    #: The set of members that it finds (a Roaring bitmap in its portable form).
    members: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


#: The records of a term that finds many (`orders.PLACED_FROM`), once more as the set of places they take in a sort order.
placed_term = Table(
    "placed_term",
    SQLModel.metadata,
    Column("term", Integer, ForeignKey("term.id"), primary_key=True),
    Column("order", String, primary_key=True),
    Column("places", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)


class ArrayRow(SQLModel, table=True):
    """Where an array lies in the file of arrays: see `orders.py`."""

    __tablename__ = "array"

    name: str = Field(primary_key=True)
    #: As in Python's `array`: I for members and places, d for values, Q for offsets.
    code: str
    #: In bytes.
    offset: int
    #: In items.
    length: int


class LineRow(SQLModel, table=True):
    """Where a record's line lies in the canonical archive, in bytes: its texts are read from there, not kept twice."""

    __tablename__ = "line"

    ordinal: int = Field(primary_key=True, foreign_key="record.ordinal")
    offset: int
    length: int


class NameRow(SQLModel, table=True):
    """A title, label or name as written, how many records of a collection have it, and which where only one has."""

    __tablename__ = "name"

    id: int = Field(primary_key=True)
    collection: str
    text: str
    count: int
    ordinal: int | None


#: What a name is completed from: what is left of it, folded, from each of its words on.
completion = Table(
    "completion",
    SQLModel.metadata,
    Column("collection", String, primary_key=True),
    Column("key", String, primary_key=True),
    Column("name", Integer, ForeignKey("name.id"), primary_key=True),
    sqlite_with_rowid=False,
)


class LabelRow(SQLModel, table=True):
    """What is shown of a record that others refer to: the label of a facet's value."""

    __tablename__ = "label"

    id: str = Field(primary_key=True)
    text: str


class TranslatedLabelRow(SQLModel, table=True):
    """The same in another language (BCP 47), beside the language that the record's own is in."""

    __tablename__ = "translated_label"

    id: str = Field(primary_key=True)
    language: str = Field(primary_key=True)
    text: str
    original: str


class LabelLanguageRow(SQLModel, table=True):
    """A language of labels that are shown in records of a collection: labels have translations into it, or labels that have
    translations are written in it. Tells a server, as `TextLanguageRow` does, which wishes can change anything.
    """

    __tablename__ = "label_language"

    collection: str = Field(primary_key=True)
    language: str = Field(primary_key=True)
    is_original: bool = Field(primary_key=True)


class WithdrawnRow(SQLModel, table=True):
    """A record that was withdrawn: its identifier, kept for ever, and the day. Nothing else."""

    __tablename__ = "withdrawn"

    id: str = Field(primary_key=True)
    on: str


class TranscriptRow(SQLModel, table=True):
    """The transcript of one testimony. Apart from its document, so that no list reads it."""

    __tablename__ = "transcript"

    ordinal: int = Field(primary_key=True, foreign_key="record.ordinal")
    #: The language that was spoken or written down (BCP 47).
    language: str
    #: The segments with their identifiers, as a JSON list.
    segments: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class SourceTextRow(SQLModel, table=True):
    """The text of one source whose words may be republished."""

    __tablename__ = "source_text"

    ordinal: int = Field(primary_key=True, foreign_key="record.ordinal")
    #: The language of the text (BCP 47).
    language: str
    #: SHA-256 of `content`.
    digest: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    #: The text in UTF-8.
    content: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class TextLanguageRow(SQLModel, table=True):
    """A language that texts of a collection are in: how many records have it as their own, how many as a translation.
    Tells a server which wishes for a language can change anything.
    """

    __tablename__ = "text_language"

    collection: str = Field(primary_key=True)
    language: str = Field(primary_key=True)
    originals: int
    translations: int


class LoggedRelease(SQLModel, table=True):
    """A release that the change log tells of, and which entries are its own: none where `last` is before `first`."""

    __tablename__ = "logged_release"

    number: int = Field(primary_key=True)
    id: str
    #: When it was published: UTC, RFC 3339, to the second.
    at: str
    first: int
    last: int


class ChangeRow(SQLModel, table=True):
    """One entry of the change log, continued from the release before."""

    __tablename__ = "change"
    __table_args__ = (
        Index("change_of_release", "release_number"),
        Index("change_of_record", "record_id"),
        Index("change_that_erases", "erase", "sequence"),
    )

    sequence: int = Field(primary_key=True)
    release_number: int
    release_id: str
    #: When the release was published: UTC, RFC 3339, to the second.
    at: str
    #: created, updated or withdrawn.
    action: str
    record_id: str
    #: The record's version from this change on; for a withdrawal the last one it had.
    version: int
    #: SHA-256 of the record's line in the public archive from this change on. None for a withdrawal, and for all that came
    #: before something was taken back: a guess at what it said must have nothing to be tried against.
    digest: bytes | None = Field(sa_column=Column(LargeBinary, nullable=True))
    #: Whether less is shown of the record, or of a person in it, than before: copies of earlier versions must be erased.
    erase: bool


def table_of(model: type[SQLModel]) -> Table:
    """Return the table behind a model, for statements that name columns."""
    return SQLModel.metadata.tables[str(model.__tablename__)]


@cache
def create_statements() -> tuple[str, ...]:
    """Return the statements that create all tables and their indexes."""
    statements: list[str] = []

    def take(statement: ExecutableDDLElement, *_: object) -> None:
        statements.append(str(statement.compile(dialect=sqlite.dialect())))

    SQLModel.metadata.create_all(create_mock_engine("sqlite://", take), checkfirst=False)
    return tuple(statements)


def table_statements(names: Iterable[str]) -> Iterator[str]:
    """Yield the statements that create these tables, without their indexes."""
    for name in names:
        yield str(CreateTable(SQLModel.metadata.tables[name]).compile(dialect=sqlite.dialect()))


@cache
def insert_statement(table: type[SQLModel] | Table) -> str:
    """Return the statement that inserts a row of all columns of `table`, in their order."""
    target = table if isinstance(table, Table) else table_of(table)
    return str(insert(target).compile(dialect=sqlite.dialect(paramstyle="qmark")))
