"""Other ways to serve the same records, one a file. Each says how it is started and asked, and what its answers mean."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

#: How the peers that are packages are installed.
INSTALL = "requirements/install bench"


@dataclass(frozen=True, slots=True)
class Filtered:
    """Two filters and a sort, as every peer can be asked for them. `descending` is by identifier."""

    language: str
    reported_by: str
    descending: bool


@dataclass(frozen=True, slots=True)
class Peer:
    """A server over the plain database. Its targets ask for 20 records."""

    name: str
    #: The distributions whose versions matter; the first has to be installed.
    packages: tuple[str, ...]
    #: From the database and a port to the command.
    command: Callable[[Path, int], list[str]]
    #: Is answered with 200 once it can answer.
    ready: str
    #: From how many records come before the page, and the identifier of the last of them.
    page: Callable[[int, str], str]
    filtered: Callable[[Filtered], str]
    #: From an answer to the identifiers of its records, in order.
    ids: Callable[[bytes], list[str]]

    @property
    def missing(self) -> str | None:
        """How to install it, where it is not."""
        try:
            version(self.packages[0])
        except PackageNotFoundError:
            return f"not installed: {INSTALL}"
        return None


def installed(command: str) -> str:
    """Return the path of a command of the environment that this runs in."""
    return str(Path(sys.executable).with_name(command))
