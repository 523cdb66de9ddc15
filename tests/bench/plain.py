"""The same records in a plain SQLite database: what is true, worked out from the archive file alone, and what peers serve.

One table with a column for each field of a testimony, under the archive's names; lists and objects are JSON. Beside it,
which topics and places each testimony is found by, and the identifiers that are anything else than a public testimony.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import orjson

from tests.bench.generate import Fields

TEXTS = (
    "id",
    "title",
    "summary",
    "witness",
    "place",
    "language",
    "original_language",
    "given",
    "reported_by",
    "attribution",
)
LISTS = ("events", "topics", "hearsay", "content_warnings", "citations", "translations")
COLUMNS = (*TEXTS, *LISTS)
#: Statuses that the server answers for a record of each kind of `other`.
PUBLIC, HIDDEN, WITHDRAWN = 200, 404, 410
#: Collections of other public records, by type.
OTHERS = {"event": "events", "agent": "agents"}

_TABLES = f"""
    CREATE TABLE testimony ({", ".join(f"{name} TEXT" for name in COLUMNS)}, PRIMARY KEY (id));
    CREATE TABLE found_by (kind TEXT, value TEXT, testimony INTEGER);
    CREATE TABLE other (id TEXT, collection TEXT, status INTEGER);
"""
_INDEXES = """
    CREATE INDEX testimony_language ON testimony (language);
    CREATE INDEX testimony_reported_by ON testimony (reported_by);
    CREATE INDEX testimony_given ON testimony (given);
    ANALYZE;
"""
#: By the first day that testimony can have been given; the unknown last either way.
_GIVEN = "given IS NULL, substr(given || '-01-01', 1, 10) {0}, id {0}"
ORDERS = {"id": "id", "-id": "id DESC", "given": _GIVEN.format("ASC"), "-given": _GIVEN.format("DESC")}


class Plain:
    """Questions to the database, answered by plain statements."""

    def __init__(self, path: Path) -> None:
        self._database = sqlite3.connect(path)

    def rows(self, statement: str, values: Iterable[str] = ()) -> list[tuple[Any, ...]]:
        return self._database.execute(statement, tuple(values)).fetchall()

    def column(self, statement: str, values: Iterable[str] = ()) -> list[Any]:
        return [row[0] for row in self.rows(statement, values)]

    def ids(self, sort: str = "id", **having: list[str]) -> list[str]:
        """Return the testimonies of a list: of any of the values of each name."""
        statement, values = "SELECT id FROM testimony WHERE 1", []
        for name, wanted in having.items():
            marks = ", ".join("?" * len(wanted))
            if name in ("topic", "place"):
                statement += (
                    f" AND rowid IN (SELECT testimony FROM found_by WHERE kind = '{name}' AND value IN ({marks}))"
                )
            else:
                statement += f" AND {name} IN ({marks})"
            values += wanted
        return self.column(f"{statement} ORDER BY {ORDERS[sort]}", values)

    def languages_with(self, word: str) -> dict[str, int]:
        """Return how many testimonies have a word in the summary, by their language."""
        statement = "SELECT language, count(*) FROM testimony WHERE instr(summary, ?) GROUP BY language"
        return dict(self.rows(statement, [word]))


def written(archive: Path, path: Path) -> Path:
    """Write the plain database of an archive unless it is there. Returns its path."""
    if not path.exists():
        unfinished = path.with_suffix(".part")
        unfinished.unlink(missing_ok=True)
        database = sqlite3.connect(unfinished)
        try:
            database.executescript(f"PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; {_TABLES}")
            with archive.open("rb") as file:
                _fill(database, map(orjson.loads, file))
            database.executescript(_INDEXES)
            database.commit()
        finally:
            database.close()
        unfinished.rename(path)
    return path


def _fill(database: sqlite3.Connection, records: Iterator[Fields]) -> None:
    """Parents stand before what lies in them."""
    above: dict[str, frozenset[str]] = {}
    testimony = f"INSERT INTO testimony VALUES ({', '.join('?' * len(COLUMNS))})"
    for record in records:
        match record.get("record"):
            case "topic" | "place":
                parent = record.get("broader") or record.get("part_of") or ""
                above[record["id"]] = above.get(parent, frozenset()) | {record["id"]}
            case "testimony" if _is_public(record):
                number = database.execute(testimony, _row(record)).lastrowid
                found_by = {("topic", one) for topic in record["topics"] for one in above[topic]}
                found_by |= {("place", one) for one in above[record["place"]]}
                database.executemany("INSERT INTO found_by VALUES (?, ?, ?)", [(*one, number) for one in found_by])
            case "testimony":
                database.execute("INSERT INTO other VALUES (?, 'testimonies', ?)", (record["id"], HIDDEN))
            case "withdrawn":
                database.execute("INSERT INTO other VALUES (?, 'testimonies', ?)", (record["id"], WITHDRAWN))
            case "event" | "agent" as kind if _is_public(record):
                database.execute("INSERT INTO other VALUES (?, ?, ?)", (record["id"], OTHERS[kind], PUBLIC))


def _is_public(record: Fields) -> bool:
    access = record.get("access", {})
    ended: bool = access.get("embargo_until", "9") < "2020-02"
    return ended or access.get("visibility", "public") == "public"


def _row(record: Fields) -> list[str | None]:
    texts = [record.get(name) for name in TEXTS]
    return texts + [orjson.dumps(record[name]).decode() if name in record else None for name in LISTS]
