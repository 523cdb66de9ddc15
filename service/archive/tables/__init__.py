"""The archive as tables: a folder of CSV files, or one workbook, that people keep in a spreadsheet program.

Owns which tables and columns there are, what their cells hold, and how they become an archive file and come back from
one. Knows no database but a scratch one, and no HTTP.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from service.archive.progress import Progress, silent
from service.archive.tables.changing import edited_archive as edited_archive
from service.archive.tables.compiling import Compiled as Compiled
from service.archive.tables.compiling import Compiler
from service.archive.tables.compiling import is_tables as is_tables
from service.archive.tables.scratch import Scratch
from service.archive.tables.writing import write_tables as write_tables


@contextmanager
def compiled(given: Path, *, progress: Progress = silent) -> Iterator[Compiled]:
    """Yield the archive file made from tables: a folder, or a workbook. It is gone when the block ends.

    It holds what the tables do, private values included: the folder it lies in is readable for this user alone.
    """
    with TemporaryDirectory(prefix="testimony-archive-") as folder, Scratch(Path(folder)) as scratch:
        yield Compiler(given, Path(folder), scratch, progress=progress).compile()
