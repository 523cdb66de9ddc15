"""SQLite's full-text search with bm25 over the same titles and summaries: in this process, no HTTP in between."""

import sqlite3
import time
from pathlib import Path

from tests.bench.generate import COMMON

#: Times that the question is asked.
TIMES = 7
_BEST = """
    SELECT testimony.id FROM words JOIN plain.testimony ON testimony.rowid = words.rowid
    WHERE words MATCH ? ORDER BY words.rank LIMIT 20
"""


def best(database: Path, *, matches: int) -> list[float]:
    """Return how long the best 20 of the common word take, in milliseconds. Raises AssertionError on wrong answers."""
    words = sqlite3.connect(_indexed(database))
    try:
        words.execute("ATTACH ? AS plain", (str(database),))
        [found] = words.execute("SELECT count(*) FROM words WHERE words MATCH ?", (COMMON,)).fetchone()
        assert found == matches, (found, matches)
        return [_timed(words) for _ in range(TIMES)]
    finally:
        words.close()


def _timed(words: sqlite3.Connection) -> float:
    began = time.perf_counter()
    assert len(words.execute(_BEST, (COMMON,)).fetchall()) == 20
    return (time.perf_counter() - began) * 1000


def _indexed(database: Path) -> Path:
    path = database.with_name("words.sqlite")
    if not path.exists():
        unfinished = path.with_suffix(".part")
        unfinished.unlink(missing_ok=True)
        words = sqlite3.connect(unfinished)
        try:
            words.execute("ATTACH ? AS plain", (str(database),))
            words.execute("CREATE VIRTUAL TABLE words USING fts5(title, summary, content = '')")
            words.execute("INSERT INTO words (rowid, title, summary) SELECT rowid, title, summary FROM plain.testimony")
            words.execute("INSERT INTO words (words) VALUES ('optimize')")
            words.commit()
        finally:
            words.close()
        unfinished.rename(path)
    return path
