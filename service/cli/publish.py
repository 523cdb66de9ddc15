"""`testimony-archive publish`."""

from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.archive.checks import ArchiveInvalid, check_archive
from service.cli.depositing import DepotBeside
from service.cli.events import failures_logged, tell
from service.cli.opening import opened_archive, today
from service.cli.output import print_json
from service.cli.parameters import ArchiveFile, AsJson, DataFolder, Depot, SigningKey
from service.cli.progress import progress_bars
from service.cli.reports import show_report
from service.settings import Settings, read_settings

if TYPE_CHECKING:
    from service.release.publish import Published


def publish_command(
    archive: ArchiveFile,
    *,
    data: DataFolder = None,
    keep: Annotated[int | None, typer.Option(help="Releases to keep (default: 3).")] = None,
    sign: SigningKey = None,
    depot: Depot = None,
    json: AsJson = False,
) -> None:
    """Check an archive, or one packed in a bag, and make it the release being served.

    With - in place of ARCHIVE it is read from standard input. With --depot the release goes on from the one there, and is
    brought there; of two publishers at the same moment one is told that it was too late.

    Example: testimony-archive publish my.json
    """
    settings = read_settings(data=data, keep=keep, sign=sign, depot=depot)
    with failures_logged(settings):
        published = publish_archive(archive, settings, json=json)
    if json:
        outcome = {"ok": True, "findings": [], "more": False}
        release = {"changed": published.changed, "changes": published.changes, **published.manifest.model_dump()}
        print_json(outcome | release)
    else:
        tell_published(published, settings)


def publish_archive(archive: Path, settings: Settings, *, json: bool = False) -> "Published":
    """Publish, or print what is wrong with the archive and exit with code 1."""
    # Only publishing needs these rooms, which take a third of a second to import: `serve` with a release does without.
    from service.depots.signatures import read_signer  # noqa: PLC0415
    from service.release.publish import publish  # noqa: PLC0415

    # First of all: that the key cannot be used should not be found out after a long publication.
    sign = None if settings.sign is None else read_signer(settings.sign)
    with ExitStack() as stack:
        # Bars of their own, gone again before anything is told: reading tables may take as long as what follows.
        with progress_bars() as progress:
            opened = stack.enter_context(opened_archive(archive, progress=progress))
        if not opened.is_sound:
            report = opened.told(check_archive(opened.path, today=today(), folder=opened.files_in))
            show_report(archive, report, json=json)
            raise typer.Exit(1)
        depot = None if settings.depot is None else DepotBeside(settings, archive=opened.path)
        try:
            with progress_bars() as progress:
                published = publish(
                    opened.path,
                    settings.data,
                    keep=settings.keep,
                    sign=sign,
                    chain=opened.chain,
                    deposit=None if depot is None else depot.deposit,
                    folder=opened.files_in,
                    progress=progress,
                )
        except ArchiveInvalid as invalid:
            show_report(archive, opened.told(invalid.report), json=json)
            raise typer.Exit(1) from None
        for path in () if opened.tables is None else opened.tables.keep_identifiers():
            tell(settings, "identifiers_kept", f"Wrote identifiers for new records into {path}.", file=str(path))
        if depot is not None:
            _finish(depot, published, settings)
        return published


def _finish(depot: DepotBeside, published: "Published", settings: Settings) -> None:
    """Bring a release into the depot that was here before, remove old ones there, and tell what was moved."""
    if not published.changed:
        depot.deposit_current()
    depot.prune()
    depot.tell(partial(tell, settings))


def tell_published(published: "Published", settings: Settings) -> None:
    """Tell which release is current now, and what is new in it."""
    manifest, changes = published.manifest, published.changes
    named = {"release": manifest.id, "number": manifest.number}
    if not published.changed:
        tell(settings, "unchanged", f"Unchanged: release {manifest.number}, {manifest.id}.", **named)
        return
    records = sum(number for name, number in manifest.counts.items() if name != "withdrawn")
    message = (
        f"Published release {manifest.number}, {manifest.id}: {records} records "
        f"({changes['created']} created, {changes['updated']} updated, {changes['withdrawn']} withdrawn)."
    )
    tell(settings, "published", message, **named, records=records, **changes)
    if published.unpruned is not None:
        message = (
            f"Older releases could not be removed ({published.unpruned}): once that is mended, run "
            "`testimony-archive releases prune`."
        )
        tell(settings, "not_pruned", message, **named)
