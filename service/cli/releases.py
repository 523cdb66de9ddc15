"""`testimony-archive releases`: list, roll back and remove the releases of a data folder."""

from pathlib import Path
from typing import Annotated, Any

import typer

from service.cli.depositing import DepotBeside, say_what_versions_hold
from service.cli.output import print_json, print_line, say
from service.cli.parameters import AsJson, DataFolder, Depot
from service.release.data_folder import StoredRelease, erase, kept_releases, prune, roll_back
from service.settings import Settings, read_settings

releases = typer.Typer(help="The releases in a data folder.", no_args_is_help=True)


@releases.command("list")
def list_releases(*, data: DataFolder = None, depot: Depot = None, json: AsJson = False) -> None:
    """List the releases that are kept, the newest first: in the depot where there is one, else in the data folder.

    Example: testimony-archive releases list
    """
    settings = read_settings(data=data, depot=depot)
    kept = kept_releases(settings.data) if settings.depot is None else _kept_in(settings.depot)
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


def _kept_in(depot: str) -> list[StoredRelease]:
    """Return the releases in a depot."""
    # The stores' client takes a quarter of a second to import.
    from service.depots.depot import folder_name, read_position  # noqa: PLC0415
    from service.depots.stores import Store  # noqa: PLC0415
    from service.depots.uploading import releases_in  # noqa: PLC0415

    store = Store(depot)
    position = read_position(store)
    current = None if position is None else position.current.release
    return [
        StoredRelease(Path(name), each.number, name.partition("-")[2], name == current, each)
        for each in releases_in(store)
        for name in [folder_name(each)]
    ]


def _as_json(release: StoredRelease) -> dict[str, Any]:
    manifest = None if release.manifest is None else release.manifest.model_dump()
    return {"number": release.number, "current": release.current, "folder": release.folder.name, "manifest": manifest}


@releases.command()
def rollback(
    number: Annotated[int | None, typer.Argument(help="The release to serve again; the one before without.")] = None,
    *,
    data: DataFolder = None,
    depot: Depot = None,
) -> None:
    """Serve an earlier release again: from this data folder, and from the depot where there is one.

    Example: testimony-archive releases rollback 4
    """
    settings = read_settings(data=data, depot=depot)
    beside = None if settings.depot is None else DepotBeside(settings)
    release = roll_back(settings.data, number)
    if beside is not None:
        beside.deposit_current()
    say(f"Serving release {release.number}, {release.short_id}.")


@releases.command("prune")
def prune_command(
    *,
    data: DataFolder = None,
    depot: Depot = None,
    keep: Annotated[int | None, typer.Option(help="Releases to keep, the current one among them (default: 3).")] = None,
    erase_others: Annotated[
        bool,
        typer.Option("--erase", help="Remove all but the current one, for what was withdrawn, and make sure of it."),
    ] = False,
) -> None:
    """Remove old releases, in the depot too where there is one. The current one always stays.

    Example: testimony-archive releases prune --keep 1
    """
    if erase_others and keep is not None:
        raise typer.BadParameter("it removes all but the current release; leave out --keep", param_hint="--erase")
    settings = read_settings(data=data, depot=depot, keep=keep)
    # Before anything is removed here: what the depot has must not come back from it.
    if settings.depot is not None:
        _prune_depot(settings, erase_others=erase_others)
    removed = erase(settings.data) if erase_others else prune(settings.data, keep=settings.keep)
    say(f"Removed {len(removed)} release{'s' * (len(removed) != 1)}.")
    if erase_others:
        _say_what_to_purge(settings.data)


def _prune_depot(settings: Settings, *, erase_others: bool) -> None:
    from service.depots.uploading import prune_depot  # noqa: PLC0415

    beside = DepotBeside(settings)
    pruned = prune_depot(beside.store, keep=1 if erase_others else settings.keep, everything=erase_others)
    count = len(pruned.releases)
    say(f"Removed {count} release{'s' * (count != 1)} from {beside.store.address}: {len(pruned.keys)} objects.")
    say_what_versions_hold(beside, pruned)


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
