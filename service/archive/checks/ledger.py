"""What is remembered of an archive while it is read, to compare its records with each other.

Owns a scratch database, so that memory does not grow with the archive. Knows no model and reads no file.
"""

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple, Protocol, cast

from service.archive.checks.report import MAX_FINDINGS
from service.archive.evidence import blanked, sha256_of
from service.archive.model import SourceText
from service.archive.reading import locate
from service.archive.transcripts import other_words


class Predecessor(Protocol):
    """What the checks ask of the current release."""

    def withdrawn_ids(self) -> Iterator[str]:
        """Yield the identifier of every withdrawn record."""

    def public_ids(self) -> Iterator[str]:
        """Yield the identifier of every public record."""

    def source_hashes(self) -> Iterator[tuple[str, str]]:
        """Yield each source that has a text with the text's SHA-256."""

    def source_content(self, source: str) -> str | None:
        """Return the text that the release publishes of a source, if it does."""

    def transcripts(self) -> Iterator[tuple[str, Mapping[str, str | None]]]:
        """Yield each testimony that has a transcript with the words under each segment's name, None where left out."""

    def names_of(self, agents: Iterable[str]) -> Iterator[tuple[str, str]]:
        """Yield the names, in all languages, that the release publishes for these agents, each with its agent."""


_TABLES = {
    "record": "number INTEGER PRIMARY KEY, id, place, is_hidden, is_protected",
    "withdrawn": "number INTEGER PRIMARY KEY, id, place",
    "reference": "number, at, target",
    "parent": "child PRIMARY KEY, number, at, target, walk",
    # Records that relate to each other, and among them those that come after the other one.
    "related": "number, target",
    # The numbers have a type, without which SQLite does not look one of the other tables up in the index.
    "named": "number INTEGER, target, needs_hidden, is_said",
    "later": "origin, target, number, at",
    "citation": "number, at, cited, start, stop, sha256, until, is_quoting",
    # `content` comes last: SQLite then reads the other columns without reading through it.
    "source": "id PRIMARY KEY, stated_in, is_verbatim, is_finding, duration, length, bytes, sha256, content",
    "transcript": "number, cited",
    # The names of a transcript's segments, a line each, and the digests of their words, all in one.
    "spoken": "testimony PRIMARY KEY, number, names, digests",
    "redaction": "source, start, stop",
    # The files of sources, and those that segments of transcripts name.
    "named_file": "source, name, is_public",
    "segment_file": "number, at, name, testimony",
    # Where a record leads to the very words of a source, and the records that an editor has declared to be masked there.
    "exposing": "number, at",
    "masked": "number",
    # Files of sources: those with a path, and those that are public and not declared to be masked.
    "file": "number, at, path, bytes, sha256, media_type",
    "shown_file": "number, at, source",
    # Agents: those whose names are protected, who is a person, who belongs to which group; names that are protected, and
    # those that persons are published under.
    "person": "number, is_person",
    "individual": "number INTEGER PRIMARY KEY",
    "membership": "number, at, child, target",
    "protected_name": "agent, name, is_person",
    "published_name": "number, name",
    # Citations that name no passage, page or time.
    "unlocated": "number, at, cited",
    # Acts: who did them, those that are said to be admitted, and the findings that those said to be established rest on.
    "accused": "number, at, event, actor",
    "claim": "number, at, event, actor",
    "established": "number, at, body",
    "proof": "number, at, cited",
    "maker": "source, agent",
    "answer": "number, party, kind, about",
    "former": "id PRIMARY KEY",
    "former_withdrawn": "id PRIMARY KEY",
    "former_source": "id PRIMARY KEY, sha256",
    # Segments whose names stand for other words than in the current release; sources of which only words were taken out.
    "changed_segment": "number, at, name",
    "only_redacted": "id PRIMARY KEY",
}

# Made once all rows are there, which is several times as fast as keeping them up to date.
_INDEXES = (
    "record (id)",
    "withdrawn (id)",
    "citation (cited)",
    "parent (target)",
    "later (target)",
    "later (origin)",
    "proof (number, at)",
    "maker (source, agent)",
    "answer (party, about)",
    "named_file (source, name)",
    "transcript (number)",
    "membership (child)",
    "membership (target)",
    "reference (target)",
)


# Which records name a protected agent: from the agents to what names them, since few agents are protected and nearly all
# references lead elsewhere.
_NAMED = """INSERT INTO named
    SELECT reference.number, target, is_hidden AS needs_hidden, at GLOB '/relations/*' AS is_said
    FROM record CROSS JOIN reference ON target = id WHERE is_protected"""

# Looked through for each relation, it would make a check take four times as long for twice as many records.
_INDEX_OF_NAMED = "CREATE INDEX index_of_named ON named (number)"

# In which records a protected agent has a part. `needs_hidden` is 1 where only something hidden says so: that decides
# nothing about a public record.
_PARTS = """CREATE TABLE part AS
    SELECT number, id AS agent, 0 AS needs_hidden FROM record WHERE is_protected
    UNION ALL SELECT number, target, needs_hidden FROM named
    -- She has a part, too, in what is said of a happening that befell her, or of her account.
    UNION ALL SELECT reference.number, named.target, max(record.is_hidden, needs_hidden)
    FROM named JOIN record USING (number) JOIN reference ON reference.target = record.id
    WHERE reference.at GLOB '/events/*' OR reference.at GLOB '/about/*'
    -- A field of the archive's own may well say the same.
    OR (reference.at GLOB '/custom/*' AND substr(reference.target, 1, 3) IN ('evt', 'tes'))
    -- and in a record that relates to one in which she has a part, at either end: it says the same, or speaks of it. Who only
    -- says that two records relate is in neither for that.
    UNION ALL SELECT related.number, named.target, max(other.is_hidden, needs_hidden)
    FROM related CROSS JOIN record AS other ON other.id = related.target CROSS JOIN named ON named.number = other.number
    WHERE NOT is_said
    UNION ALL SELECT other.number, named.target, max(origin.is_hidden, needs_hidden)
    FROM related CROSS JOIN record AS other ON other.id = related.target
    CROSS JOIN record AS origin ON origin.number = related.number
    CROSS JOIN named ON named.number = origin.number WHERE NOT is_said"""

# And in the other sessions of an interview in which she has a part: whoever finds one session finds all.
_PARTS_IN_SESSIONS = """INSERT INTO part
    WITH RECURSIVE session(number, other, needs_hidden) AS MATERIALIZED (
        SELECT child.number, around.number, max(child.is_hidden, around.is_hidden)
        FROM parent JOIN record AS child ON child.number = parent.number JOIN record AS around ON around.id = target
        WHERE parent.child >= 'tes-' AND parent.child < 'tes.'
    ), near(number, agent, needs_hidden) AS (
        SELECT number, agent, needs_hidden FROM part
        WHERE number IN (SELECT number FROM session UNION SELECT other FROM session)
        UNION SELECT session.other, agent, max(near.needs_hidden, session.needs_hidden)
        FROM near JOIN session ON session.number = near.number
        UNION SELECT session.number, agent, max(near.needs_hidden, session.needs_hidden)
        FROM near JOIN session ON session.other = near.number
    )
    SELECT number, agent, needs_hidden FROM near EXCEPT SELECT number, agent, needs_hidden FROM part"""


class StatedSource(NamedTuple):
    """What the archive says of a source and its text, and where it says so."""

    number: int
    place: str
    is_verbatim: bool
    text: SourceText | None


class StatedFile(NamedTuple):
    """What the archive says of a file that lies beside it, and where it says so."""

    number: int
    pointer: str
    path: str
    bytes: int | None
    sha256: str
    media_type: str


class Rows(defaultdict[str, list[tuple[object, ...]]]):
    """Rows to remember, in the columns of their tables, by table."""

    def __init__(self) -> None:
        super().__init__(list)

    def __reduce__(self) -> tuple[object, ...]:
        return Rows, (), None, None, iter(self.items())

    def add(self, table: str, *row: object) -> None:
        self[table].append(row)


class Ledger:
    """What must be remembered of an archive to compare its records, in a database that is gone when closed.

    The database has no name: SQLite keeps it in a bounded cache, and beyond that in a file of its own that
    nobody else can open. So memory does not grow with the archive.
    """

    def __init__(self) -> None:
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.execute("PRAGMA journal_mode = OFF")
        self._database.execute("PRAGMA synchronous = OFF")
        self._database.execute("PRAGMA cache_size = -16384")  # KiB
        for table, columns in _TABLES.items():
            self._database.execute(f"CREATE TABLE {table} ({columns})")
        self._database.execute("BEGIN")

    def close(self) -> None:
        """Forget everything."""
        self._database.close()

    def add(self, rows: "Rows") -> None:
        """Remember rows of any tables."""
        for table, those in rows.items():
            self._insert(table, those)

    def add_withdrawn(self, ids: Iterable[str]) -> None:
        """Remember identifiers that were withdrawn at any time."""
        self._insert("former_withdrawn", ((name,) for name in ids))

    def add_release(self, release: Predecessor) -> None:
        """Remember what the checks must know of the current release."""
        self._insert("former", ((name,) for name in release.public_ids()))
        self.add_withdrawn(release.withdrawn_ids())
        self._insert("former_source", release.source_hashes())
        rows = self._database.execute("SELECT id, is_person FROM record JOIN person USING (number)")
        persons = dict(rows.fetchall())
        self._insert("changed_segment", self._changed_segments(release))
        self._insert("only_redacted", self._only_redacted(release))
        self._insert("protected_name", ((agent, name, persons[agent]) for agent, name in release.names_of(persons)))

    def _changed_segments(self, release: Predecessor) -> Iterator[tuple[int, str, str]]:
        spoken = (
            "SELECT number, names, digests FROM spoken JOIN record USING (number) WHERE testimony = ? AND NOT is_hidden"
        )
        for testimony, before in release.transcripts():
            for number, names, digests in self._database.execute(spoken, (testimony,)).fetchall():
                for place, name in other_words(before, (names.split("\n"), digests)):
                    yield number, f"/transcript/{place}", name

    def _only_redacted(self, release: Predecessor) -> Iterator[tuple[str]]:
        """Yield each source whose text is that of the release, but for the passages that the archive says are redacted."""
        changed = self._database.execute(
            "SELECT id, source.sha256 FROM source JOIN former_source USING (id)"
            " WHERE source.sha256 <> former_source.sha256 AND id IN (SELECT source FROM redaction)"
        ).fetchall()
        for source, sha256 in changed:
            passages = self._database.execute(
                "SELECT start, stop FROM redaction WHERE source = ?", (source,)
            ).fetchall()
            before = release.source_content(source)
            if before is not None and sha256_of(blanked(before, passages)) == sha256:
                yield (source,)

    def index(self) -> None:
        """Make ready for questions."""
        for number, columns in enumerate(_INDEXES):
            self._database.execute(f"CREATE INDEX index_{number} ON {columns}")
        for statement in (_NAMED, _INDEX_OF_NAMED, _PARTS, _PARTS_IN_SESSIONS):
            self._database.execute(statement)

    def ask(self, sql: str) -> Iterator[tuple[int, str, str]]:
        """Yield number, pointer and subject of each offence, in order, as many as a report can hold."""
        rows = self._database.execute(f"{sql} ORDER BY 1 LIMIT {MAX_FINDINGS + 1}")
        for number, place, at, subject in rows:
            yield number, locate(place, at), subject

    def cycles(self) -> Iterator[tuple[int, str, str]]:
        """Yield, once for each cycle of parents, the number and the pointer of a record in it, and its id.

        A record has one parent, so each walk upwards ends: at the top, at an earlier walk, or at itself. No
        record is walked over twice.
        """
        step = "UPDATE parent SET walk = ? WHERE child = ? AND walk = 0 RETURNING target"
        met = "SELECT number, place, at, walk FROM parent JOIN record USING (number) WHERE child = ?"
        # From public records first: which record of a cycle is told must not depend on hidden ones that lead into it.
        starts = self._database.execute(
            "SELECT child FROM parent JOIN record USING (number) WHERE target IN (SELECT child FROM parent)"
            " ORDER BY is_hidden, number"
        )
        for walk, (child,) in enumerate(starts, 1):
            at_hand = child
            while above := self._database.execute(step, (walk, at_hand)).fetchall():
                at_hand = above[0][0]
            for number, place, at, last_walk in self._database.execute(met, (at_hand,)).fetchall():
                if last_walk == walk:
                    yield number, locate(place, at), at_hand

    def memberships_beyond(self, levels: int) -> Iterator[tuple[int, str, str]]:
        """Take memberships away from the top down, level by level, and yield those that lie beneath more groups than `levels`:
        number, pointer and id. What goes round in a circle is never reached; it is left to `circles`.
        """
        for _ in range(levels):
            # By their rows, which are found first: what is deleted meanwhile would decide about the next.
            top = (
                "DELETE FROM membership WHERE rowid IN (SELECT each.rowid FROM membership AS each"
                " WHERE target NOT IN (SELECT child FROM membership))"
            )
            if not self._database.execute(top).rowcount:
                break
        beyond = self._database.execute(
            "SELECT number, place, at, child FROM membership JOIN record USING (number)"
            " WHERE target NOT IN (SELECT child FROM membership) LIMIT ?",
            (MAX_FINDINGS + 1,),
        ).fetchall()
        for number, place, at, child in beyond:
            yield number, locate(place, at), child

    def circles(self) -> Iterator[tuple[int, str, str]]:
        """Yield, once for each circle of records that come after one another, number and pointer of a record in it, and its
        id. A record may come after several; what is in no circle is taken away from the ends, each relation once.
        """
        ask = self._database.execute
        ends = ask("SELECT DISTINCT target FROM later WHERE target NOT IN (SELECT origin FROM later)").fetchall()
        waiting = [target for (target,) in ends]
        while waiting:
            for (origin,) in ask("DELETE FROM later WHERE target = ? RETURNING origin", (waiting.pop(),)).fetchall():
                if not ask("SELECT 1 FROM later WHERE origin = ? LIMIT 1", (origin,)).fetchone():
                    waiting.append(origin)
        # Whatever is left leads to something that is left.
        step = "SELECT target, number, place, at FROM later JOIN record USING (number) WHERE origin = ? LIMIT 1"
        walks: dict[str, int] = {}
        starts = ask("SELECT DISTINCT origin FROM later ORDER BY number").fetchall()
        for walk, (at_hand,) in enumerate(starts):
            origin = at_hand
            while origin not in walks:
                walks[origin] = walk
                origin = ask(step, (origin,)).fetchone()[0]
            if walks[origin] == walk:
                _, number, place, at = ask(step, (origin,)).fetchone()
                yield number, locate(place, at), origin

    def source(self, source: str) -> StatedSource | None:
        """Return what the archive says of a source, if it is there."""
        row = self._database.execute(
            "SELECT number, place, is_verbatim, length, bytes, sha256"
            " FROM source JOIN record ON number = stated_in WHERE source.id = ?",
            (source,),
        ).fetchone()
        if row is None:
            return None
        number, place, is_verbatim, length, size, sha256 = row
        text = None if sha256 is None else SourceText(length=length, bytes=size, sha256=sha256)
        return StatedSource(number, place, bool(is_verbatim), text)

    def redactions(self, source: str) -> list[tuple[int, int]]:
        """Return the passages of a source's text that are said to be redacted, [start, end)."""
        return self._database.execute("SELECT start, stop FROM redaction WHERE source = ?", (source,)).fetchall()

    def masked(self) -> int:
        """Return how often an editor has declared, in public records, that a passage names nobody."""
        [(number,)] = self._database.execute(
            "SELECT count(*) FROM masked JOIN record USING (number) WHERE NOT is_hidden"
        )
        return int(number)

    def protected_names(self) -> Iterator[tuple[str, str, int]]:
        """Yield each agent whose name is protected, with a name and whether it is a person."""
        # What is hidden decides nothing about what is public.
        yield from self._database.execute(
            "SELECT DISTINCT agent, name, is_person FROM protected_name JOIN record ON record.id = agent"
            " WHERE NOT is_hidden"
        )

    def published_names(self) -> Iterator[str]:
        """Yield the names of persons that are published."""
        rows = self._database.execute("SELECT name FROM published_name JOIN record USING (number) WHERE NOT is_hidden")
        for (name,) in rows:
            yield name

    def sources_with_content(self) -> Iterator[str]:
        """Yield each source whose text is in the archive."""
        for (source,) in self._database.execute("SELECT id FROM source WHERE content IS NOT NULL"):
            yield source

    def content_of(self, source: str) -> str:
        """Return the text of a source that has one in the archive."""
        (content,) = self._database.execute("SELECT content FROM source WHERE id = ?", (source,)).fetchone()
        return cast("str", content)

    def passages(self, source: str) -> Iterator[tuple[int, str, int, int, str]]:
        """Yield each passage cited of a source: number and pointer of the citation, start, end, hash."""
        rows = self._database.execute(
            "SELECT number, place, at, start, stop, sha256 FROM citation JOIN record USING (number)"
            " WHERE cited = ? AND stop IS NOT NULL ORDER BY number",
            (source,),
        )
        for number, place, at, start, stop, sha256 in rows:
            yield number, locate(place, f"{at}/sha256"), start, stop, sha256

    def files(self) -> Iterator[StatedFile]:
        """Yield every file that has a path, those with the same one in a row."""
        rows = self._database.execute(
            "SELECT number, place, at, path, bytes, sha256, media_type FROM file JOIN record USING (number)"
            " ORDER BY path, number"
        )
        for number, place, at, *stated in rows:
            yield StatedFile(number, locate(place, at), *stated)

    def _insert(self, table: str, rows: Iterable[tuple[object, ...]]) -> None:
        places = ", ".join("?" * (_TABLES[table].count(",") + 1))
        # A second row with the same key is a repeated id, which is told by other means.
        self._database.executemany(f"INSERT OR IGNORE INTO {table} VALUES ({places})", rows)  # noqa: S608 - names of our own tables
