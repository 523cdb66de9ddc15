"""FastAPI with SQLModel, as their tutorials have it: rows validated into a response model, and a count.

`python -m tests.bench.peers.plain_fastapi DATABASE PORT` serves.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated
from urllib.parse import urlencode

import orjson
import uvicorn
from fastapi import Depends, FastAPI, Query
from sqlalchemy import func
from sqlmodel import Field as Column
from sqlmodel import Session, SQLModel, col, create_engine, select

from tests.bench.peers import Filtered, Peer


class Testimony(SQLModel, table=True):
    """A row of the plain database."""

    id: str = Column(primary_key=True)
    title: str
    summary: str
    witness: str
    place: str | None
    language: str
    original_language: str | None
    given: str | None
    reported_by: str | None
    attribution: str
    events: str | None
    topics: str | None
    hearsay: str | None
    content_warnings: str | None
    citations: str | None
    translations: str | None


class Page(SQLModel):
    """Rows, and how many there are in all."""

    total: int
    data: list[Testimony]


class Asked(SQLModel):
    """The parameters of a list: records after one, or having values."""

    after: str | None = None
    language: str | None = None
    reported_by: str | None = None
    descending: bool = False
    limit: int = Column(default=20, le=200)


def application(database: str) -> FastAPI:
    engine = create_engine(f"sqlite:///{database}", connect_args={"check_same_thread": False})
    app = FastAPI()

    def session() -> Iterator[Session]:
        with Session(engine) as opened:
            yield opened

    @app.get("/testimonies", response_model=Page)
    def testimonies(asked: Annotated[Asked, Query()], session: Annotated[Session, Depends(session)]) -> object:
        statement = select(Testimony)
        for name in ("language", "reported_by"):
            if (value := getattr(asked, name)) is not None:
                statement = statement.where(getattr(Testimony, name) == value)
        total = session.exec(select(func.count()).select_from(statement.subquery())).one()
        if asked.after is not None:
            statement = statement.where(col(Testimony.id) > asked.after)
        order = col(Testimony.id).desc() if asked.descending else col(Testimony.id)
        return {"total": total, "data": session.exec(statement.order_by(order).limit(asked.limit)).all()}

    return app


def _command(database: Path, port: int) -> list[str]:
    return [sys.executable, "-m", __name__, str(database), str(port)]


def _page(_: int, last: str) -> str:
    return f"/testimonies?{urlencode({'after': last})}"


def _filtered(asked: Filtered) -> str:
    query = {"language": asked.language, "reported_by": asked.reported_by, "descending": asked.descending}
    return f"/testimonies?{urlencode(query)}"


def _ids(body: bytes) -> list[str]:
    return [one["id"] for one in orjson.loads(body)["data"]]


PLAIN_FASTAPI = Peer(
    name="FastAPI with SQLModel",
    packages=("fastapi", "sqlmodel"),
    command=_command,
    ready="/testimonies?limit=1",
    page=_page,
    filtered=_filtered,
    ids=_ids,
)


if __name__ == "__main__":
    path, port = sys.argv[1:]
    uvicorn.run(application(path), port=int(port), loop="uvloop", http="httptools", access_log=False, log_config=None)
