"""Publishes small archives into depots, and tells what lies there."""

import json
from pathlib import Path
from typing import Any

from service.cli.publish import publish_archive
from service.depots.depot import read_position
from service.depots.replicas import Replica
from service.depots.stores import Store
from service.release.data_folder import current_folder
from service.release.publish import Published
from service.settings import Settings
from tests.archives import Fields, archive, record, write


def edition(number: int, *, gone: int | None = None, **head: Any) -> Fields:
    """Return an archive of four testimonies. Editions differ in a title; `gone` is one that was withdrawn."""
    records = [record(f"tes-{n}", title=f"Testimony {n}") for n in range(4) if n != gone]
    withdrawn = [] if gone is None else [{"id": f"tes-{gone}", "on": "2026-01-01"}]
    return archive(*records, record("evt-1", title=f"Edition {number}"), withdrawn=withdrawn, **head)


def publish_into(depot: str, data: Path, whole: Fields, **settings: Any) -> Published:
    """Publish an archive as the command does where there is a depot."""
    data.parent.mkdir(parents=True, exist_ok=True)
    path = write(data.with_suffix(".json"), whole)
    return publish_archive(path, Settings(data=data, depot=depot, **settings))


def replica_of(depot: str, data: Path) -> Replica:
    return Replica(Store(depot), data)


def current_in(depot: str) -> str:
    """Return the release that a depot serves, as its folder is called."""
    position = read_position(Store(depot))
    assert position is not None
    return position.current.release


def served_from(data: Path) -> str:
    """Return the release that a data folder serves, as its folder is called."""
    folder = current_folder(data)
    assert folder is not None
    return folder.name


def files_of(folder: Path) -> dict[str, bytes]:
    """Return every file of a release."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def rewrite(path: Path, **changes: Any) -> bytes:
    """Change keys of a JSON file. Returns its bytes."""
    path.write_text(json.dumps(json.loads(path.read_bytes()) | changes))
    return path.read_bytes()
