"""The tables of one release. Written once by `publish`, then read only, so there are no updates and no migrations.

A record's `ordinal` is its place among all public records sorted by identifier: small, dense, and in the same order as
the identifiers themselves. What a record can be found by is kept apart from its document, so that a search walks narrow
rows and touches documents only for the page that is shown.
"""

from sqlalchemy import Column, ForeignKey, Index, Integer, LargeBinary, String, Table, insert
from sqlalchemy.dialects import sqlite
from sqlmodel import Field, SQLModel


class ArchiveHead(SQLModel, table=True):
    """One row: the archive's own description."""

    __tablename__ = "archive_head"

    id: str = Field(primary_key=True)
    #: The head of the archive file as JSON.
    document: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class RecordRow(SQLModel, table=True):
    """One public record and the document it is served as."""

    __tablename__ = "record"

    ordinal: int = Field(primary_key=True)
    id: str = Field(unique=True)
    #: 1 when the record first appeared, one more for each release that changed what is served of it.
    version: int
    #: When it last changed: UTC, RFC 3339, to the second.
    updated_at: str
    #: SHA-256 of what is served of the record less `version` and `updated_at`: tells a change from none.
    digest: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    document: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class FilterRow(SQLModel, table=True):
    """One filter of one collection that compares for equality, such as topic of events."""

    __tablename__ = "filter"
    __table_args__ = (Index("filter_of_name", "collection", "name", unique=True),)

    id: int = Field(primary_key=True)
    collection: str
    name: str


class TermRow(SQLModel, table=True):
    """One value of one filter, such as top-privacy, and how many records it finds."""

    __tablename__ = "term"
    __table_args__ = (Index("term_of_value", "filter", "value", unique=True),)

    id: int = Field(primary_key=True)
    filter: int = Field(foreign_key="filter.id")
    value: str
    count: int


#: The records that a term finds. Narrow, without a rowid: a walk over one term's records is a walk over one range.
posting = Table(
    "posting",
    SQLModel.metadata,
    Column("term", Integer, ForeignKey("term.id"), primary_key=True),
    Column("ordinal", Integer, ForeignKey("record.ordinal"), primary_key=True),
    sqlite_with_rowid=False,
)


class SortRow(SQLModel, table=True):
    """One sort order of one collection. A descending order has a row of its own where unknown values must stay last."""

    __tablename__ = "sort"
    __table_args__ = (Index("sort_of_name", "collection", "name", unique=True),)

    id: int = Field(primary_key=True)
    collection: str
    name: str


#: Where each record stands in a sort order: by key, then by ordinal, which is by identifier. Keys are never null.
position = Table(
    "position",
    SQLModel.metadata,
    Column("sort", Integer, ForeignKey("sort.id"), primary_key=True),
    Column("key", String, primary_key=True),
    Column("ordinal", Integer, ForeignKey("record.ordinal"), primary_key=True),
    # From a record to its key: for lists so short that sorting them beats walking the order.
    Index("position_of_record", "ordinal", "sort"),
    sqlite_with_rowid=False,
)


class EventDate(SQLModel, table=True):
    """The days between which a dated event lies, inclusive, as YYYY-MM-DD. An undated event has no row."""

    __tablename__ = "event_date"
    __table_args__ = (Index("event_date_span", "earliest", "latest"),)

    ordinal: int = Field(primary_key=True, foreign_key="record.ordinal")
    #: `UNBOUNDED_EARLY` where nothing is known.
    earliest: str
    #: `UNBOUNDED_LATE` where nothing is known.
    latest: str


#: Sort before and after every real day.
UNBOUNDED_EARLY = "0000-00-00"
UNBOUNDED_LATE = "9999-99-99"


class EventPoint(SQLModel, table=True):
    """Where an event's place lies, in degrees (WGS 84). An event whose place has no point has no row."""

    __tablename__ = "event_point"
    __table_args__ = (Index("event_point_of", "latitude", "longitude"),)

    ordinal: int = Field(primary_key=True, foreign_key="record.ordinal")
    latitude: float
    longitude: float


class StatisticRange(SQLModel, table=True):
    """The range a stated figure may lie in, both ends inclusive. A figure with neither value nor bounds has no row.

    An exclusive bound is stored as the next floating-point number inside it; an absent one as an infinity.
    """

    __tablename__ = "statistic_range"
    __table_args__ = (Index("statistic_range_span", "low", "high"),)

    ordinal: int = Field(primary_key=True, foreign_key="record.ordinal")
    low: float
    high: float


class LineRow(SQLModel, table=True):
    """Where a record's line lies in the canonical archive, in bytes: its texts are read from there, not kept twice."""

    __tablename__ = "line"

    ordinal: int = Field(primary_key=True, foreign_key="record.ordinal")
    offset: int
    length: int


class NameRow(SQLModel, table=True):
    """A title, label or name as written, and how many records of a collection have it."""

    __tablename__ = "name"

    id: int = Field(primary_key=True)
    collection: str
    text: str
    count: int


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
    __table_args__ = (Index("change_of_release", "release_number"),)

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


def table_of(model: type[SQLModel]) -> Table:
    """Return the table behind a model, for statements that name columns."""
    return SQLModel.metadata.tables[str(model.__tablename__)]


def insert_statement(table: type[SQLModel] | Table) -> str:
    """Return the statement that inserts a row of all columns of `table`, in their order."""
    target = table if isinstance(table, Table) else table_of(table)
    return str(insert(target).compile(dialect=sqlite.dialect(paramstyle="qmark")))
