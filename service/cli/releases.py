"""`testimony-archive releases`: list, roll back and remove the releases of a data folder."""

from pathlib import Path
from typing import Annotated, Any

import typer

from service.cli.output import print_json, print_line, say
from service.cli.parameters import AsJson, DataFolder
from service.release.data_folder import StoredRelease, erase, kept_releases, prune, roll_back
from service.settings import read_settings

releases = typer.Typer(help="The releases in a data folder.", no_args_is_help=True)


@releases.command("list")
def list_releases(*, data: DataFolder = None, json: AsJson = False) -> None:
    """List the releases that are kept, the newest first.

    Example: testimony-archive releases list
    """
    kept = kept_releases(read_settings(data=data).data)
    if json:
        print_json([_as_json(release) for release in kept])
        return
    if not kept:
        print_line("no releases")
    for release in kept:
        manifest = release.manifest
        told = (
            "damaged" if manifest is None else f"{manifest.published_at}  {manifest.counts['testimonies']} testimonies"
        )
        print_line(f"{'*' if release.current else ' '} {release.number:>4}  {release.short_id}  {told}")


def _as_json(release: StoredRelease) -> dict[str, Any]:
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
    say(f"Serving release {release.number}, {release.short_id}.")


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
    say(f"Removed {len(removed)} release{'s' * (len(removed) != 1)}.")
    if erase_others:
        _say_what_to_purge(settings.data)


def _say_what_to_purge(data: Path) -> None:
    """Tell what of withdrawn records may still be elsewhere."""
    current = next(release for release in kept_releases(data) if release.current)
    say(f"Kept: release {current.number}, {current.short_id}, the one being served. What is in it is still public.")
    say(_TO_PURGE)


_TO_PURGE = """\
To purge as well, where there are any:
  caches    HTTP caches, reverse proxies and CDNs in front of the server: purge every address of this archive
  mirrors   they are told by /v1/changes: those that you know, ask whether they have deleted their copies
  backups   of the data folder and the archive file, snapshots of the file system, exported files
  history   of a repository that the archive file is kept in
  disks     freed blocks keep their content until they are written over: encrypt, or discard them
A running server moves over within two seconds; an answer under way is finished from the old release."""
