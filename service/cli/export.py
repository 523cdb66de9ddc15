"""`testimony-archive export`."""

import shutil
from collections.abc import Iterator
from contextlib import closing
from enum import StrEnum
from pathlib import Path
from typing import Annotated, BinaryIO

import orjson
import typer

from service.archive.files import published_path
from service.archive.identifiers import PLURALS
from service.archive.tables import write_tables
from service.archive.tables.writing import head_of, pieces_of
from service.archive.writing import written_whole
from service.cli.output import say, standard_output
from service.cli.parameters import DataFolder
from service.errors import TestimonyArchiveError
from service.release.kept_files import data_of, kept_path
from service.release.manifest import CANONICAL
from service.release.opening import Release, open_current
from service.settings import Settings, read_settings

#: Bytes of a file that are copied at a time.
_COPIED = 1 << 20


class Form(StrEnum):
    """How an archive can be written."""

    JSON = "json"
    JSONL = "jsonl"


def export_command(
    target: Annotated[
        Path | None,
        typer.Argument(help="Where to: .json or .jsonl; standard output without, or with -.", metavar="FILE"),
    ] = None,
    *,
    form: Annotated[
        Form | None, typer.Option("--format", help="By the name of FILE; jsonl on standard output.")
    ] = None,
    data: DataFolder = None,
    bag: Annotated[
        Path | None,
        typer.Option(help="Pack the release for keeping instead: BagIt with RO-Crate, for `publish`.", metavar="DIR"),
    ] = None,
    tables: Annotated[
        Path | None,
        typer.Option(help="Write it as a folder of tables instead, for a spreadsheet program.", metavar="DIR"),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
) -> None:
    """Write out the public archive. The SHA-256 of a .jsonl is the release id; both forms publish to the same release.

    Public files of sources are copied into the folder files beside FILE.

    Example: testimony-archive export archive.jsonl
    """
    settings = read_settings(data=data)
    for folder, option, write in ((bag, "--bag", _export_bag), (tables, "--tables", _export_tables)):
        if folder is not None:
            if target is not None or form is not None:
                raise typer.BadParameter("it has a form of its own; leave out FILE and --format", param_hint=option)
            if (
                option == "--tables"
                and folder.exists()
                and not force
                and (not folder.is_dir() or any(folder.iterdir()))
            ):
                raise TestimonyArchiveError(f"{folder} is there already; write over it with --force")
            write(settings, folder)
            return
    if target == Path("-"):
        target = None
    form = form or _form_of(target)
    if target is not None and target.exists():
        if not target.is_file():
            raise TestimonyArchiveError(f"{target} is there already and is not a regular file")
        if not force:
            raise TestimonyArchiveError(f"{target} is there already; write over it with --force")
    with closing(open_current(settings.data)) as release:
        with standard_output() if target is None else written_whole(target) as file:
            _export(release.folder / CANONICAL, file, form)
        _export_files(release, None if target is None else target.parent)
        place = "" if target is None else f" to {target}"
        hint = " Its SHA-256 is the release's id." if form is Form.JSONL else ""
        say(f"Exported release {release.manifest.number}, {release.id}{place}.{hint}")


def _export_bag(settings: Settings, target: Path) -> None:
    # Only this needs the library that packs.
    from service.depots.bags import write_bag  # noqa: PLC0415

    with closing(open_current(settings.data)) as release:
        write_bag(release, target)
        say(f"Packed release {release.manifest.number}, {release.id}, into {target}.")


def _export_files(release: Release, folder: Path | None) -> None:
    """Copy the files of sources to where the exported archive says they are: into its folder, each under its hash."""
    if folder is None:
        if release.manifest.kept:
            say("Files of sources are not written to standard output: export to a FILE, or with --bag.")
        return
    for sha256, size in release.manifest.kept.items():
        copy = folder / published_path(sha256)
        if copy.is_file() and copy.stat().st_size == size:
            continue
        try:
            copy.parent.mkdir(exist_ok=True)
        except OSError as error:
            raise TestimonyArchiveError(f"{copy.parent} cannot be written ({error.strerror})") from None
        with written_whole(copy) as file, kept_path(data_of(release.folder), sha256).open("rb") as kept:
            shutil.copyfileobj(kept, file, _COPIED)


def _export_tables(settings: Settings, target: Path) -> None:
    with closing(open_current(settings.data)) as release:
        path = release.folder / CANONICAL
        write_tables(head_of(path), lambda: pieces_of(path), target)
        _export_files(release, target)
        say(f"Wrote release {release.manifest.number}, {release.id}, as tables into {target}.")


def _form_of(target: Path | None) -> Form:
    if target is None:
        return Form.JSONL
    try:
        return Form(target.suffix.removeprefix("."))
    except ValueError:
        raise typer.BadParameter("the name must end in .json or .jsonl, or --format say", param_hint="FILE") from None


def _export(canonical: Path, file: BinaryIO, form: Form) -> None:
    if form is Form.JSON:
        file.writelines(archive_object(canonical))
    else:
        with canonical.open("rb") as lines:
            shutil.copyfileobj(lines, file)


def archive_object(canonical: Path) -> Iterator[bytes]:
    """Yield an `archive.json` of the same records as a canonical `.jsonl`, a record at a time."""
    with canonical.open("rb") as lines:
        head = orjson.loads(next(lines))
        yield b'{\n"format": %s,\n"archive": %s' % (orjson.dumps(head["format"]), _indented(head["archive"]))
        current = None
        for line in lines:
            record = orjson.loads(line)
            plural = PLURALS.get(record.pop("record"), "withdrawn")
            if plural != current:
                yield (b"\n]" if current else b"") + b',\n"%s": [\n' % plural.encode()
                current = plural
            else:
                yield b",\n"
            yield _indented(record)
        yield (b"\n]" if current else b"") + b"\n}\n"


def _indented(value: object) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2)
