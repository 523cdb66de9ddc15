"""The day that commands go by, and the release that they compare an archive with."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from service.errors import NoRelease
from service.release.opening import open_current
from service.release.statements import Link, read_chain


def today() -> date:
    """Return the day, in UTC, that embargoes and withdrawals go by."""
    return datetime.now(UTC).date()


@contextmanager
def current_release(data: Path | None) -> Iterator[Any]:
    """Yield the current release of a data folder; None where no folder is named, or it holds no release yet.

    Raises NoRelease where the folder that was named does not exist.
    """
    if data is None:
        yield None
        return
    try:
        release = open_current(data)
    except NoRelease:
        if not data.is_dir():
            raise
        yield None
        return
    with closing(release):
        yield release


def unpacked(archive: Path) -> tuple[Path, list[Link]]:
    """Return the archive file to read and the statements beside it: of a bag what is packed in it, else what was given.

    Raises BagInvalid where a bag is not as it was packed, ReleaseDamaged where its statements are no chain.
    """
    # The library that reads bags is needed for nothing else.
    from service.depots.bags import is_bag, open_bag  # noqa: PLC0415

    if not is_bag(archive):
        return archive, []
    canonical = open_bag(archive)
    return canonical, read_chain(canonical.parent)
