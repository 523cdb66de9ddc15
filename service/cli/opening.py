"""What commands begin with: the archive they were given, the day, and the release that they compare with."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from service.archive.checks import Report
from service.archive.checks.subjects import with_subjects
from service.archive.progress import Progress, silent
from service.archive.tables import Compiled, compiled, is_tables
from service.cli.standard_input import archive_file, folder_of_files
from service.errors import NoRelease
from service.release.opening import open_current
from service.release.statements import Link, read_chain

if TYPE_CHECKING:
    from service.release.predecessor import Predecessor


def today() -> date:
    """Return the day, in UTC, that embargoes and withdrawals go by."""
    return datetime.now(UTC).date()


@contextmanager
def predecessor_in(data: Path | None) -> Iterator["Predecessor | None"]:
    """Yield what checks ask of the current release of a data folder; None where no folder is named, or it holds no
    release yet.

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
    # Imported here: it takes longer than many a check for which there is no release.
    from service.release.predecessor import Predecessor  # noqa: PLC0415

    with closing(release):
        yield Predecessor(release)


@dataclass(frozen=True)
class OpenedArchive:
    """An archive as it was given, made readable as a file."""

    path: Path
    #: The statements that came with it, of a bag.
    chain: list[Link]
    #: What it was made from, where it was given as tables.
    tables: Compiled | None = None
    #: Where the paths of its files start; None where that is the folder of `path`.
    files_in: Path | None = None

    @property
    def is_sound(self) -> bool:
        """Whether nothing was found wrong before any check."""
        return self.tables is None or not self.tables.findings

    def told(self, report: Report) -> Report:
        """Return a report in terms of what was given, with the records that findings are about: by table, row and column
        where tables were given.
        """
        found = with_subjects(self.path, [*report.findings, *report.notes], today=today())
        errors = len(report.findings)
        named = replace(report, findings=found[:errors], notes=found[errors:])
        return named if self.tables is None else self.tables.told(named)


@contextmanager
def opened_archive(archive: Path, *, progress: Progress = silent) -> Iterator[OpenedArchive]:
    """Yield the archive that was given in any of its forms: a file, standard input, a bag, a folder of tables or a workbook.

    Raises BagInvalid where a bag is not as it was packed, ReleaseDamaged where its statements are no chain.
    """
    # The library that reads bags is needed for nothing else.
    from service.depots.bags import is_bag, open_bag  # noqa: PLC0415

    with archive_file(archive) as file:
        if is_bag(file):
            canonical = open_bag(file)
            yield OpenedArchive(canonical, read_chain(canonical.parent))
        elif is_tables(file):
            with compiled(file, progress=progress) as tables:
                yield OpenedArchive(tables.path, [], tables, tables.folder)
        else:
            yield OpenedArchive(file, [], files_in=folder_of_files(archive))
