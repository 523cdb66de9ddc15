"""ROAPI: tables in memory, queried by DataFusion, served by a program in Rust. Asked in SQL, its fastest way: the parameters
of its tables have no offset, and a filter by them takes longer.
"""

from pathlib import Path

import orjson

from tests.bench.peers import Filtered, Peer, installed
from tests.bench.processes import free_port

_ASK = "/api/sql SELECT * FROM testimony"


def _command(database: Path, port: int) -> list[str]:
    # It opens two doors more; nobody asks there.
    others = ["--addr-postgres", f"127.0.0.1:{free_port()}", "--addr-flight-sql", f"127.0.0.1:{free_port()}"]
    return [
        installed("roapi"),
        "--addr-http",
        f"127.0.0.1:{port}",
        *others,
        "--table",
        f"testimony=sqlite://{database}",
    ]


def _page(before: int, _: str) -> str:
    # Without a sort: the table is in the order of the identifiers.
    return f"{_ASK} LIMIT 20 OFFSET {before}"


def _filtered(asked: Filtered) -> str:
    order = "id DESC" if asked.descending else "id"
    having = f"language = '{asked.language}' AND reported_by = '{asked.reported_by}'"
    return f"{_ASK} WHERE {having} ORDER BY {order} LIMIT 20"


def _ids(body: bytes) -> list[str]:
    return [one["id"] for one in orjson.loads(body)]


ROAPI = Peer(
    name="ROAPI",
    packages=("roapi",),
    command=_command,
    ready="/api/tables/testimony?limit=1",
    page=_page,
    filtered=_filtered,
    ids=_ids,
)
