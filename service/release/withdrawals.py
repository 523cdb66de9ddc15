"""Identifiers that were withdrawn in any release of a data folder: they stay withdrawn, whatever was gone back from or removed.

Every release lists its own. Those of a removed release that the current one does not list are kept in a file beside them.
"""

import contextlib
import sqlite3
from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import quote

import orjson

from service.archive.writing import written_whole
from service.release.manifest import DATABASE

_KEPT = "withdrawn.json"


def known_withdrawals(data: Path, releases: Iterable[Path]) -> dict[str, str]:
    """Return identifiers with the days they were withdrawn on: of these releases, and of those removed before."""
    found = _kept(data)
    for folder in releases:
        found |= _listed_in(folder)
    return found


def keep_withdrawals(data: Path, removed: Iterable[Path], *, current: Path | None) -> None:
    """Keep what the current release does not list of the withdrawals of releases that are about to go."""
    listed = {} if current is None else _listed_in(current)
    lost = {name: day for folder in removed for name, day in _listed_in(folder).items() if name not in listed}
    if lost:
        remember_withdrawals(data, lost)


def remember_withdrawals(data: Path, withdrawn: Mapping[str, str]) -> None:
    """Keep withdrawals of releases that this data folder does not have, beside those that are kept already."""
    kept = _kept(data)
    if not withdrawn.items() <= kept.items():
        with written_whole(data / _KEPT) as file:
            file.write(orjson.dumps(kept | {**withdrawn}, option=orjson.OPT_SORT_KEYS))


def withdrawals_beyond(data: Path, releases: Iterable[Path], *, current: Path) -> dict[str, str]:
    """Return the withdrawals that a data folder knows of and its current release does not list."""
    listed = _listed_in(current)
    return {name: day for name, day in known_withdrawals(data, releases).items() if name not in listed}


def _kept(data: Path) -> dict[str, str]:
    with contextlib.suppress(FileNotFoundError):
        return dict(orjson.loads((data / _KEPT).read_bytes()))
    return {}


def _listed_in(folder: Path) -> dict[str, str]:
    # A release that is damaged tells nothing here; whoever serves or continues it is told that it is.
    with contextlib.suppress(sqlite3.Error):
        address = f"file:{quote(str(folder / DATABASE))}?mode=ro&immutable=1"
        with contextlib.closing(sqlite3.connect(address, uri=True)) as database:
            return dict(database.execute('SELECT id, "on" FROM withdrawn'))
    return {}
