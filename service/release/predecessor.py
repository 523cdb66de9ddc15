"""What the checks ask of the current release, before another one takes its place.

It is read by the models of its tables. Whoever serves reads by statements that are written out: SQLAlchemy would cost each
worker a fifth of a second at its start and 19 MB.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import orjson
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import StaticPool
from sqlmodel import Session, col, create_engine, select

from service.archive.identifiers import PREFIXES
from service.archive.protected_names import published_names
from service.release.opening import Release
from service.release.tables import RecordRow, SourceTextRow, TranscriptRow, WithdrawnRow

#: Rows that are read at once: tables may be longer than what memory should hold.
_BATCH = 1_000

#: Agents asked for at once, below what SQLite takes in one statement.
_AGENTS = 500


class Predecessor:
    """A release as the checks of the next one see it (`archive.checks.ledger.Predecessor`). For one thread.

    Every method raises ReleaseDamaged, or sqlite3.Error where the database cannot be read.
    """

    def __init__(self, release: Release) -> None:
        self._release = release
        engine = create_engine("sqlite://", creator=release.connection, poolclass=StaticPool)
        self._engine = engine.execution_options(yield_per=_BATCH)

    def withdrawn_ids(self) -> Iterator[str]:
        """Yield the identifier of every withdrawn record."""
        with self._session() as session:
            yield from session.exec(select(WithdrawnRow.id).order_by(WithdrawnRow.id))

    def public_ids(self) -> Iterator[str]:
        """Yield the identifier of every public record, in order."""
        with self._session() as session:
            yield from session.exec(select(RecordRow.id).order_by(col(RecordRow.ordinal)))

    def names_of(self, agents: Iterable[str]) -> Iterator[tuple[str, str]]:
        """Yield the names, in all languages, that are published for these agents, each with its agent."""
        wanted = sorted(agents)
        for start in range(0, len(wanted), _AGENTS):
            some = col(RecordRow.id).in_(wanted[start : start + _AGENTS])
            with self._session() as session:
                for agent, ordinal in session.exec(select(RecordRow.id, RecordRow.ordinal).where(some)):
                    shown = orjson.loads(self._release.document(ordinal))
                    yield from ((agent, name) for name in published_names(shown))

    def transcripts(self) -> Iterator[tuple[str, dict[str, str | None]]]:
        """Yield each testimony that has a transcript with the words under each segment's name, None where left out."""
        with self._session() as session:
            for testimony, segments in session.exec(select(RecordRow.id, TranscriptRow.segments).join(TranscriptRow)):
                yield testimony, {segment["id"]: segment["text"] for segment in orjson.loads(segments)}

    def source_content(self, source: str) -> str | None:
        """Return the text that is published of a source, if it is."""
        with self._session() as session:
            statement = select(SourceTextRow.content).join(RecordRow).where(RecordRow.id == source)
            content = session.exec(statement).one_or_none()
            return None if content is None else content.decode()

    def source_hashes(self) -> Iterator[tuple[str, str]]:
        """Yield each source that has a text with the text's SHA-256."""
        prefix = PREFIXES["source"]
        are_sources = col(RecordRow.id).between(f"{prefix}-", f"{prefix}.")
        with self._session() as session:
            for source, ordinal in session.exec(select(RecordRow.id, RecordRow.ordinal).where(are_sources)):
                text = orjson.loads(self._release.document(ordinal))["text"]
                if text is not None:
                    yield source, text["sha256"]

    @contextmanager
    def _session(self) -> Iterator[Session]:
        with Session(self._engine) as session:
            try:
                yield session
            except DBAPIError as error:
                # As from everything else that reads a release.
                if isinstance(error.orig, sqlite3.Error):
                    raise error.orig from None
                raise
