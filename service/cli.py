"""The command `testimony-archive`: thin, it calls the same rooms as the API.

Exit codes: 0 fine, 1 findings or a refusal, 2 wrong usage or a bad setting. An error is one line, never a traceback.
"""

import io
import logging
import logging.config
import os
import shutil
import signal
import socket
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, date, datetime
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO, NoReturn

import orjson
import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from service import __version__
from service.archive.checks import ArchiveInvalid, Report, check_archive
from service.archive.embargoes import embargoes
from service.archive.model import PLURALS, archive_schema
from service.archive.withdrawing import Withdrawal, withdraw
from service.archive.writing import written_whole
from service.errors import NoRelease, SettingsInvalid, TestimonyArchiveError
from service.http.logs import log_event, logging_config
from service.release.store import (
    CANONICAL,
    Kept,
    erase,
    kept_releases,
    open_current,
    prune,
    roll_back,
    verify_release,
)
from service.settings import AccessLog, LogFormat, Settings, read_settings

if TYPE_CHECKING:
    from service.release.publish import Published

app = typer.Typer(
    name="testimony-archive",
    help="Check, publish and serve archives of human-rights testimony.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
releases = typer.Typer(help="The releases in a data folder.", no_args_is_help=True)
app.add_typer(releases, name="releases")

ArchiveFile = Annotated[Path, typer.Argument(help="The archive: .json, .jsonl or .jsonl.gz.", metavar="ARCHIVE")]
DataFolder = Annotated[Path | None, typer.Option("--data", help="The folder of releases (default: data).")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


# --- serve ------------------------------------------------------------------------------------------------------------


@app.command()
def serve(
    *,
    archive: Annotated[Path | None, typer.Option(help="Publish this archive first, if it changed.")] = None,
    data: DataFolder = None,
    host: Annotated[str | None, typer.Option(help="The address to listen on (default: 127.0.0.1).")] = None,
    port: Annotated[int | None, typer.Option(help="The port; 0 takes a free one (default: 8000).")] = None,
    workers: Annotated[int | None, typer.Option(help="Processes that answer (default: 1).")] = None,
    root_path: Annotated[str | None, typer.Option(help="The path a proxy shows the server below.")] = None,
    cache_mib: Annotated[
        int | None, typer.Option(help="MiB for answers that are given again; 0 keeps none (default: 64).")
    ] = None,
    trusted_proxies: Annotated[
        str | None, typer.Option(help="Proxies whose X-Forwarded-* headers are believed, separated by commas.")
    ] = None,
    metrics: Annotated[bool | None, typer.Option("--metrics", help="Answer /metrics, for Prometheus.")] = None,
    log_format: Annotated[LogFormat | None, typer.Option(help="Lines for people, or JSON (default: line).")] = None,
    access_log: Annotated[
        AccessLog | None, typer.Option(help="Log requests: by route, or in full with who asked what (default: off).")
    ] = None,
) -> None:
    """Serve the current release over HTTP; publish the seed archive first where there is none.

    Example: testimony-archive serve --port 8080
    """
    settings = read_settings(
        archive=archive,
        data=data,
        host=host,
        port=port,
        workers=workers,
        root_path=root_path,
        trusted_proxies=trusted_proxies,
        metrics=metrics,
        log_format=log_format,
        access_log=access_log,
        cache_mib=cache_mib,
    )
    # The framework takes half a second to import, which no other command should wait for.
    from service.app import WORKER, create_app  # noqa: PLC0415
    from service.http.releases import is_compared_first  # noqa: PLC0415
    from service.http.server import run_server  # noqa: PLC0415

    # The address comes first: that it is taken should not be found out after a long publication.
    with _failures_in_log(settings), _leaving_when_told(), closing(_bind(settings)) as bound:
        _publish_first(settings)
        # Here, once, so that a damaged release stops the command and not each of its workers. One that takes long to
        # compare with its manifest is compared while it is being served.
        release = open_current(settings.data, verify=False)
        if is_compared_first(release.manifest):
            verify_release(release.folder, release.manifest)
        release.close()
        run_server(
            settings,
            bound,
            application=partial(create_app, settings, verify=False),
            worker=WORKER,
            tell=partial(_tell, settings),
        )


@contextmanager
def _failures_in_log(settings: Settings) -> Iterator[None]:
    """Where the log is read by machines, write there also why the server could not start."""
    if settings.log_format is LogFormat.LINE:
        yield
        return
    logging.config.dictConfig(logging_config(settings.log_format))
    try:
        yield
    except TestimonyArchiveError as error:
        log_event(logging.ERROR, "failed", str(error))
        raise typer.Exit(1) from None


def _tell(settings: Settings, event: str, message: str, **members: object) -> None:
    """Tell the operator of an event: in the log where machines read it, else as a plain sentence."""
    if settings.log_format is LogFormat.JSON:
        log_event(logging.INFO, event, message, **members)
    else:
        _say(message)


@contextmanager
def _leaving_when_told() -> Iterator[None]:
    """Leave with exit code 0 on SIGTERM and SIGINT, also as a container's first process, which by itself heeds no
    SIGTERM. What is being published then is cleared away.
    """
    before = {number: signal.signal(number, _leave) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _leave(*_: object) -> NoReturn:
    raise SystemExit(0)


def _publish_first(settings: Settings) -> None:
    """Publish the archive that was asked for, or the seed where the data folder is empty."""
    archive = settings.archive
    if archive is None:
        try:
            open_current(settings.data, verify=False).close()
        except NoRelease:
            archive = seed_archive()
        else:
            return
    _say_published(_publish(archive, settings), settings)


def seed_archive() -> Path:
    """Return the seed archive: as installed, or as it lies in a checkout."""
    here = Path(__file__).parent
    installed = here / "seed" / "archive.json"
    return installed if installed.exists() else here.parent / "seed" / "archive.json"


def _bind(settings: Settings) -> socket.socket:
    """Return a socket that has the address and does not listen yet."""
    host, port = settings.host, settings.port
    bound = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
    except (OSError, UnicodeError) as error:
        bound.close()
        reason = error.strerror if isinstance(error, OSError) else "not the name of a host"
        raise TestimonyArchiveError(f"cannot listen on {host}:{port} ({reason})") from None
    return bound


# --- publish and check ------------------------------------------------------------------------------------------------


@app.command("publish")
def publish_command(
    archive: ArchiveFile,
    *,
    data: DataFolder = None,
    keep: Annotated[int | None, typer.Option(help="Releases to keep (default: 3).")] = None,
    json: AsJson = False,
) -> None:
    """Check an archive and make it the release being served.

    Example: testimony-archive publish my.json
    """
    settings = read_settings(data=data, keep=keep)
    with _failures_in_log(settings):
        published = _publish(archive, settings, json=json)
    if json:
        outcome = {"ok": True, "findings": [], "more": False}
        release = {"changed": published.changed, "changes": published.changes, **published.manifest.model_dump()}
        _print_json(outcome | release)
    else:
        _say_published(published, settings)


def _publish(archive: Path, settings: Settings, *, json: bool = False) -> "Published":
    """Publish, or print what is wrong with the archive and leave."""
    # What only publishing needs takes a third of a second to import: a server that has a release starts without it.
    from service.release.publish import publish  # noqa: PLC0415

    try:
        with _progress() as progress:
            return publish(archive, settings.data, keep=settings.keep, progress=progress)
    except ArchiveInvalid as invalid:
        _show_report(archive, invalid.report, json=json)
        raise typer.Exit(1) from None


def _say_published(published: "Published", settings: Settings) -> None:
    manifest, changes = published.manifest, published.changes
    named = {"release": manifest.id, "number": manifest.number}
    if not published.changed:
        _tell(settings, "unchanged", f"Unchanged: release {manifest.number}, {manifest.id}.", **named)
        return
    records = sum(number for name, number in manifest.counts.items() if name != "withdrawn")
    message = (
        f"Published release {manifest.number}, {manifest.id}: {records} records "
        f"({changes['created']} created, {changes['updated']} updated, {changes['withdrawn']} withdrawn)."
    )
    _tell(settings, "published", message, **named, records=records, **changes)


@contextmanager
def _progress() -> Iterator[Any]:
    """Yield what `publish` tells how far it is; in a terminal it draws a bar."""
    if not sys.stderr.isatty():
        yield lambda *_: None
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        tasks: dict[str, Any] = {}

        def show(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=total)
            bars.update(tasks[stage], completed=done)

        yield show


@app.command()
def check(
    archive: ArchiveFile,
    *,
    source: Annotated[
        list[str] | None,
        typer.Option(help="A copy of a source to check passages against; may be given again.", metavar="ID=FILE"),
    ] = None,
    data: Annotated[Path | None, typer.Option(help="Check also against the release in this folder.")] = None,
    json: AsJson = False,
) -> None:
    """Report every error of an archive; publish nothing.

    Example: testimony-archive check my.json --source src-001=report.txt
    """
    sources = _sources(source or [])
    with _release_in(data) as release:
        try:
            report = check_archive(archive, today=_today(), sources=sources, predecessor=release)
        except sqlite3.OperationalError as error:
            raise TestimonyArchiveError(
                f"no room for what a check has to remember ({error}); set SQLITE_TMPDIR to a folder that has some"
            ) from None
    _show_report(archive, report, json=json)
    if not report.ok:
        raise typer.Exit(1)


@contextmanager
def _release_in(data: Path | None) -> Iterator[Any]:
    """Yield the release served from a data folder, or None where none is asked for or the folder has none yet."""
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


def _sources(given: list[str]) -> dict[str, Path]:
    """Return the copies of sources by identifier."""
    sources: dict[str, Path] = {}
    for pair in given:
        name, equals, path = pair.partition("=")
        if not (name and equals and path):
            raise typer.BadParameter(f"{pair!r} is not ID=FILE, such as src-001=report.txt", param_hint="--source")
        if name in sources:
            raise typer.BadParameter(f"{name} is given twice", param_hint="--source")
        if not Path(path).is_file():
            raise typer.BadParameter(f"{path} is not a file", param_hint="--source")
        sources[name] = Path(path)
    return sources


def _show_report(archive: Path, report: Report, *, json: bool) -> None:
    """Print what a check found: as JSON, as a table in a terminal, or a line each."""
    if json:
        findings = [{"code": each.code, "pointer": each.pointer, "detail": each.detail} for each in report.findings]
        _print_json({"ok": report.ok, "findings": findings, "more": report.more, "counts": report.counts})
        return
    if report.ok:
        _print(f"{archive}: no errors in {sum(report.counts.values())} records")
        return
    if sys.stdout.isatty():
        table = Table("Code", "Where", "What", title=str(archive))
        for each in report.findings:
            # As texts: square brackets in a detail are no markup.
            table.add_row(each.code, Text(_one_line(each.pointer)), Text(_one_line(each.detail)))
        Console().print(table)
    else:
        for each in report.findings:
            _print(f"{each.code}\t{_one_line(each.pointer)}\t{_one_line(each.detail)}")
    number = len(report.findings)
    _say(f"error: {archive}: {number} error{'s' * (number != 1)}{', and more that are not shown' * report.more}")


# --- withdraw and due ---------------------------------------------------------------------------------------------------


@app.command("withdraw")
def withdraw_command(
    archive: ArchiveFile,
    ids: Annotated[list[str], typer.Argument(help="The records to withdraw.", metavar="ID...")],
    *,
    json: AsJson = False,
) -> None:
    """Take records out of an archive file, list them as withdrawn, and say what still leads to them.

    The code is 1 where something is left to judge. Names are not printed, only where they stand.

    Example: testimony-archive withdraw my.json tes-001
    """
    outcome = withdraw(archive, ids, today=_today())
    _show_mentions(outcome, json=json)
    if outcome.listed:
        _say(f"Withdrew {', '.join(outcome.listed)} from {archive}.")
    if outcome.unlisted:
        _say(
            f"Removed {', '.join(outcome.unlisted)} from {archive}: not public, so not listed as withdrawn, which would "
            "tell that there was something. If it once was public, list it by hand."
        )
    _say(
        "What is published is as before until: testimony-archive publish ARCHIVE, then releases prune --erase. "
        "Earlier copies of the file, and its history where it has one, still hold what was withdrawn."
    )
    if outcome.mentions:
        raise typer.Exit(1)


def _show_mentions(outcome: Withdrawal, *, json: bool) -> None:
    """Print what still leads to withdrawn records: as JSON, or a line each, with a count of both kinds."""
    if json:
        mentions = [
            {"kind": each.kind, "pointer": each.pointer, "record": each.record, "about": each.about}
            for each in outcome.mentions
        ]
        _print_json(
            {"listed": outcome.listed, "unlisted": outcome.unlisted, "mentions": mentions, "more": outcome.more}
        )
        return
    for each in outcome.mentions:
        _print(f"{each.kind}\t{_one_line(each.pointer)}\t{_one_line(each.record)}\t{each.about}")
    for kind, sentence in _LEFT_TO_JUDGE.items():
        if number := sum(each.kind == kind for each in outcome.mentions):
            _say(f"{kind}: {number}. {sentence}")
    if outcome.more:
        _say("There are more places than are shown: run it through `check`, and search the file.")


_LEFT_TO_JUDGE = {
    "refers": "These refer to what is gone: the archive cannot be published until they do not.",
    "names": "These may name it, or the person behind it: judge each.",
    "alone": "Only what is gone referred to these: judge whether they can stay.",
}


@app.command()
def due(
    archive: ArchiveFile,
    *,
    by: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Also what comes due until this day.")
    ] = None,
    data: DataFolder = None,
    json: AsJson = False,
) -> None:
    """List records whose embargo has ended and that the next `publish` will show, the earliest first.

    Example: testimony-archive due my.json --by 2027-01-31
    """
    today, settings = _today(), read_settings(data=data)
    until = max(today, by.date()) if by else today
    with _release_in(settings.data if settings.data.is_dir() else None) as release:
        published = set() if release is None else set(release.public_ids())
    found = sorted(each for each in embargoes(archive) if each.until <= until and each.record not in published)
    if json:
        _print_json([{"id": each.record, "until": str(each.until), "due": each.until <= today} for each in found])
        return
    for each in found:
        _print(f"{each.until}\t{_one_line(each.record)}\t{_when(each.until, today)}")
    if not found:
        _print(f"{archive}: no embargo ends by {until} that is not published already")


def _when(day: date, today: date) -> str:
    days = (day - today).days
    return "due" if days <= 0 else f"in {days} day{'s' * (days != 1)}"


# --- export, releases, schema ------------------------------------------------------------------------------------------


class Form(StrEnum):
    """How an archive can be written."""

    JSON = "json"
    JSONL = "jsonl"


@app.command()
def export(
    target: Annotated[
        Path | None,
        typer.Argument(help="Where to: .json or .jsonl; standard output without, or with -.", metavar="FILE"),
    ] = None,
    *,
    form: Annotated[
        Form | None, typer.Option("--format", help="By the name of FILE; jsonl on standard output.")
    ] = None,
    data: DataFolder = None,
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
) -> None:
    """Write out the public archive. The SHA-256 of a .jsonl is the release id; both forms publish to the same release.

    Example: testimony-archive export archive.jsonl
    """
    settings = read_settings(data=data)
    if target == Path("-"):
        target = None
    form = form or _form_of(target)
    if target is not None and target.exists():
        if not target.is_file():
            raise TestimonyArchiveError(f"{target} is there already and is not a regular file")
        if not force:
            raise TestimonyArchiveError(f"{target} is there already; write over it with --force")
    with closing(open_current(settings.data)) as release:
        with _standard_output() if target is None else written_whole(target) as file:
            _export(release.folder / CANONICAL, file, form)
        place = "" if target is None else f" to {target}"
        hint = " Its SHA-256 is the release's id." if form is Form.JSONL else ""
        _say(f"Exported release {release.manifest.number}, {release.id}{place}.{hint}")


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


@contextmanager
def _standard_output() -> Iterator[BinaryIO]:
    yield sys.stdout.buffer
    sys.stdout.flush()


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


@releases.command("list")
def list_releases(*, data: DataFolder = None, json: AsJson = False) -> None:
    """List the releases that are kept, the newest first.

    Example: testimony-archive releases list
    """
    kept = kept_releases(read_settings(data=data).data)
    if json:
        _print_json([_as_json(release) for release in kept])
        return
    if not kept:
        _print("no releases")
    for release in kept:
        manifest = release.manifest
        told = (
            "damaged" if manifest is None else f"{manifest.published_at}  {manifest.counts['testimonies']} testimonies"
        )
        _print(f"{'*' if release.current else ' '} {release.number:>4}  {release.short_id}  {told}")


def _as_json(release: Kept) -> dict[str, Any]:
    manifest = None if release.manifest is None else release.manifest.model_dump()
    return {"number": release.number, "current": release.current, "folder": release.folder.name, "manifest": manifest}


@releases.command()
def rollback(
    number: Annotated[int | None, typer.Argument(help="The release to serve again; the one before without.")] = None,
    *,
    data: DataFolder = None,
) -> None:
    """Serve an earlier release again.

    Example: testimony-archive releases rollback 4
    """
    release = roll_back(read_settings(data=data).data, number)
    _say(f"Serving release {release.number}, {release.short_id}.")


@releases.command("prune")
def prune_command(
    *,
    data: DataFolder = None,
    keep: Annotated[int | None, typer.Option(help="Releases to keep, the current one among them (default: 3).")] = None,
    erase_others: Annotated[
        bool,
        typer.Option("--erase", help="Remove all but the current one, for what was withdrawn, and make sure of it."),
    ] = False,
) -> None:
    """Remove old releases. The current one always stays.

    Example: testimony-archive releases prune --keep 1
    """
    if erase_others and keep is not None:
        raise typer.BadParameter("it removes all but the current release; leave out --keep", param_hint="--erase")
    settings = read_settings(data=data, keep=keep)
    removed = erase(settings.data) if erase_others else prune(settings.data, keep=settings.keep)
    _say(f"Removed {len(removed)} release{'s' * (len(removed) != 1)}.")
    if erase_others:
        _say_what_to_purge(settings.data)


def _say_what_to_purge(data: Path) -> None:
    """Tell what of withdrawn records may still be elsewhere."""
    current = next(release for release in kept_releases(data) if release.current)
    _say(f"Kept: release {current.number}, {current.short_id}, the one being served. What is in it is still public.")
    _say(_TO_PURGE)


_TO_PURGE = """\
To purge as well, where there are any:
  caches    HTTP caches, reverse proxies and CDNs in front of the server: purge every address of this archive
  mirrors   they are told by /v1/changes: those that you know, ask whether they have deleted their copies
  backups   of the data folder and the archive file, snapshots of the file system, exported files
  history   of a repository that the archive file is kept in
  disks     freed blocks keep their content until they are written over: encrypt, or discard them
A running server moves over within two seconds; an answer under way is finished from the old release."""


@app.command()
def schema() -> None:
    """Print the JSON Schema of archive.json.

    Example: testimony-archive schema > archive.schema.json
    """
    _print_json(archive_schema())


# --- Around every command ------------------------------------------------------------------------------------------


def _version(asked: bool) -> None:  # noqa: FBT001 - Typer calls it so
    if asked:
        _print(__version__)
        raise typer.Exit


@app.callback()
def about(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Check, publish and serve archives of human-rights testimony."""


def _today() -> date:
    """Return the day, in UTC, that embargoes and withdrawals go by."""
    return datetime.now(UTC).date()


def _print(text: str) -> None:
    sys.stdout.write(text + "\n")


def _print_json(value: object) -> None:
    sys.stdout.flush()
    sys.stdout.buffer.write(orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))


def _one_line(text: str) -> str:
    """Return `text` with all that is not plainly visible escaped: a key in a file must not steer the terminal."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


def _say(text: str) -> None:
    """Tell the operator something that is no result."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def _fail(text: str, code: int) -> int:
    _say("error: " + _one_line(" ".join(text.split())))
    return code


def run(arguments: list[str] | None = None) -> int:  # noqa: PLR0911 - one way out for each way to fail
    """Run the command and return its exit code. Whatever goes wrong is one line."""
    try:
        outcome = app(arguments, standalone_mode=False)
        sys.stdout.flush()
    except typer.TyperException as error:
        context = getattr(error, "ctx", None)
        text = error.format_message() if hasattr(error, "format_message") else str(error)
        hint = f" (see {context.command_path} --help)" if context else ""
        return _fail(text.rstrip(".") + hint, getattr(error, "exit_code", 1))
    except SettingsInvalid as error:
        return _fail(str(error), 2)
    except TestimonyArchiveError as error:
        return _fail(str(error), 1)
    except (typer.Abort, KeyboardInterrupt):
        return _fail("interrupted", 130)
    except BrokenPipeError:
        # The reader has seen enough. Python would complain when it flushes at the end: let it flush to nowhere.
        with suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        return _fail(f"{error.filename or 'system'}: {error.strerror or error}", 1)
    return outcome if isinstance(outcome, int) else 0


def main() -> None:
    """Be the command."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A terminal that cannot show a letter is shown its number instead.
        sys.stdout.reconfigure(errors="backslashreplace")
    sys.exit(run())
