"""Follows where releases come from, a depot or the archive that is mirrored: looks again and again, and writes down how
that went, for whoever serves them.

In which process that happens is not known here.
"""

import contextlib
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, Protocol

from pydantic import BaseModel, ConfigDict, ValidationError

from service.archive.writing import make_folder
from service.errors import DepotUnreachable, OriginUnreachable, TestimonyArchiveError

#: The file in the data folder that says how following goes.
STANDING = "following.json"
#: Seconds between two looks.
LOOK_EVERY_S = 2.0
#: Seconds until an archive that does not answer is asked again, and until what was refused is tried again, at most; twice as
#: long each time. To ask costs little, to take a release over much.
ASK_AT_MOST_S, RETRY_AT_MOST_S = 8.0, 60.0
#: What is followed: a depot, or another archive.
Kind = Literal["depot", "mirror"]
#: Told of what changes: the name of an event, and a sentence.
Tell = Callable[[str, str], None]


class Standing(BaseModel):
    """How following goes."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    kind: Kind
    #: Its address, without anything that gives access.
    address: str
    #: When it was last found that this data folder has what is served there: UTC, RFC 3339. None where it never was.
    seen_at: str | None
    #: What is in the way; None where all is well.
    trouble: str | None = None

    @property
    def age_s(self) -> float | None:
        """Seconds since `seen_at`."""
        if self.seen_at is None:
            return None
        return max(0.0, (datetime.now(UTC) - datetime.fromisoformat(self.seen_at)).total_seconds())


def read_standing(data: Path) -> Standing | None:
    """Return how following goes, as it was last written down; None where that cannot be told."""
    try:
        return Standing.model_validate_json((data / STANDING).read_bytes())
    except (OSError, ValidationError):
        return None


def _write_standing(data: Path, standing: Standing) -> None:
    # Replaced whole, so that nobody reads half; not forced to disk, since it is written every two seconds.
    part = data / f"{STANDING}.new"
    part.write_text(standing.model_dump_json())
    part.replace(data / STANDING)


class Source(Protocol):
    """Something that is followed."""

    kind: Kind
    address: str

    def prepare(self) -> None:
        """Remove what must not be shown, before anything is."""

    def look(self) -> object:
        """Make the data folder have what is served there. Raises TestimonyArchiveError."""


class Follower:
    """Looks at a source again and again. What goes wrong is written down and tried again; nothing ends it."""

    def __init__(self, source: Source, data: Path, *, tell: Tell) -> None:
        self._tell = tell
        self._source = source
        self._data = data
        before = read_standing(data)
        same = before is not None and (before.kind, before.address) == (source.kind, source.address)
        self._seen_at = before.seen_at if before is not None and same else None
        self._trouble: str | None = None
        self._wait = LOOK_EVERY_S

    def look(self) -> float:
        """Look once. Returns after how many seconds to look again."""
        try:
            self._source.look()
        except (DepotUnreachable, OriginUnreachable) as error:
            self._report(str(error), at_most=LOOK_EVERY_S if self._source.kind == "depot" else ASK_AT_MOST_S)
        except TestimonyArchiveError as error:
            self._report(str(error), at_most=RETRY_AT_MOST_S)
        except Exception as error:  # noqa: BLE001 - whatever goes wrong, the next look may go well
            # What the error says is left out: it may hold what records hold.
            self._report(f"taking a release over failed ({type(error).__qualname__})", at_most=RETRY_AT_MOST_S)
        else:
            if self._trouble is not None:
                self._tell("followed", f"{self._source.address} is followed again")
            self._seen_at = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
            self._trouble = None
            self._wait = LOOK_EVERY_S
        with contextlib.suppress(OSError):  # a full disk: readers see that the standing grows old
            make_folder(self._data)
            _write_standing(
                self._data,
                Standing(
                    kind=self._source.kind, address=self._source.address, seen_at=self._seen_at, trouble=self._trouble
                ),
            )
        return self._wait

    def _report(self, trouble: str, *, at_most: float) -> None:
        trouble = " ".join(trouble.split())
        if trouble != self._trouble:
            self._tell("not_followed", trouble)
        self._trouble = trouble
        self._wait = min(2 * self._wait, at_most)

    def keep_looking(self, stop: threading.Event) -> None:
        """Look until `stop` is set."""
        while not stop.wait(self.look()):
            pass
