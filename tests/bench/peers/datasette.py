"""Datasette: an API and pages over SQLite. Here immutable, so that it counts once, and with no facets to suggest."""

import sys
from pathlib import Path
from urllib.parse import urlencode

import orjson

from tests.bench.peers import Filtered, Peer

#: Named after the file of the database.
_TABLE = "/plain/testimony.json"


def _command(database: Path, port: int) -> list[str]:
    settings = {"suggest_facets": "off", "sql_time_limit_ms": "60000"}
    given = [part for name, value in settings.items() for part in ("--setting", name, value)]
    return [sys.executable, "-m", "datasette", "serve", "--immutable", str(database), "--port", str(port), *given]


def _target(**query: str) -> str:
    return f"{_TABLE}?{urlencode({'_shape': 'objects', '_size': '20', **query})}"


def _page(_: int, last: str) -> str:
    return _target(_next=last)


def _filtered(asked: Filtered) -> str:
    order = {"_sort_desc" if asked.descending else "_sort": "id"}
    return _target(language=asked.language, reported_by=asked.reported_by, **order)


def _ids(body: bytes) -> list[str]:
    return [one["id"] for one in orjson.loads(body)["rows"]]


DATASETTE = Peer(
    name="Datasette",
    packages=("datasette",),
    command=_command,
    ready=f"{_TABLE}?_size=1",
    page=_page,
    filtered=_filtered,
    ids=_ids,
)
