"""What `publish` and `releases` do where there is a depot: go on from it, bring the release into it, tell what was moved."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from service.archive.reading import Item, read_archive
from service.cli.output import say
from service.errors import DepotConflict
from service.settings import Settings

if TYPE_CHECKING:
    from service.depots.depot import Position
    from service.depots.stores import Abilities, Store
    from service.depots.uploading import Depositor, Pruned
    from service.release.manifest import Manifest


class DepotBeside:
    """The depot of a publication, before and after it. Its releases are those that are continued."""

    def __init__(self, settings: Settings, *, archive: Path | None = None) -> None:
        # The stores' client takes a quarter of a second to import, which nobody without a depot should wait for.
        from service.depots.depot import read_position  # noqa: PLC0415
        from service.depots.replicas import take_over  # noqa: PLC0415
        from service.depots.stores import Store  # noqa: PLC0415

        assert settings.depot is not None
        self._settings = settings
        self.store: Store = Store(settings.depot)
        self.abilities: Abilities = self.store.probe()
        self.position: Position | None = read_position(self.store)
        self.depositor: Depositor | None = None
        if self.position is not None and archive is not None:
            _require_same_archive(archive, self.position, self.store)
        if self.position is not None and not self._is_behind():
            take_over(self.store, self.position, settings.data, keep=settings.keep)

    def _is_behind(self) -> bool:
        """Tell whether the data folder goes on from where the depot stands: it was published into without it."""
        from service.depots.depot import read_chain_of  # noqa: PLC0415
        from service.release.data_folder import chain_of  # noqa: PLC0415

        assert self.position is not None
        here = [link.line for link in chain_of(self._settings.data)]
        there = [link.line for link in read_chain_of(self.store, self.position.current)]
        return len(here) > len(there) and here[: len(there)] == there

    def deposit(self, folder: Path, manifest: "Manifest") -> None:
        """Bring a new release into the depot: see `Depositor.deposit`."""
        from service.depots.uploading import Depositor  # noqa: PLC0415

        self.depositor = Depositor(self.store, self.position)
        self.depositor.deposit(folder, manifest)

    def deposit_current(self) -> None:
        """Bring the current release of the data folder into the depot where it is not there, or not whole."""
        from service.depots.depot import read_position  # noqa: PLC0415
        from service.depots.uploading import deposit_current  # noqa: PLC0415

        self.position = read_position(self.store)
        self.depositor = deposit_current(self.store, self.position, self._settings.data)

    def prune(self) -> "Pruned":
        """Remove what is beyond the releases to keep."""
        from service.depots.uploading import prune_depot  # noqa: PLC0415

        return prune_depot(self.store, keep=self._settings.keep)

    def tell(self, tell: Callable[..., None]) -> None:
        """Tell what was moved, and of a store that cannot decide between publishers."""
        deposited = None if self.depositor is None else self.depositor.deposited
        if deposited is not None:
            message = (
                f"Deposited in {self.store.address}: {deposited.sent} files sent ({deposited.sent_bytes} bytes), "
                f"{deposited.there} were there."
            )
            moved = {"sent": deposited.sent, "sent_bytes": deposited.sent_bytes, "there": deposited.there}
            tell("deposited", message, depot=self.store.address, **moved)
        if not self.abilities.honours_conditions:
            tell(
                "depot_unconditional",
                f"{self.store.address} takes conditional writes without looking at the condition: let only one publisher "
                "at a time publish into it.",
                depot=self.store.address,
            )


def _require_same_archive(file: Path, position: "Position", store: "Store") -> None:
    """Make sure that an archive file is of the archive that a depot holds, before the data folder becomes the depot's.

    Raises DepotConflict. What is wrong with the file itself is told by publishing it.
    """
    head = next(
        (piece.value for piece in read_archive(file) if isinstance(piece, Item) and piece.kind == "archive"), None
    )
    named = head.get("id") if isinstance(head, dict) else None
    if isinstance(named, str) and named != position.current.archive:
        raise DepotConflict(
            f"{store.address} is the depot of the archive {position.current.archive!r}, and {file} is of {named!r}; each "
            "archive has a depot of its own"
        )


def say_what_versions_hold(beside: DepotBeside, pruned: "Pruned") -> None:
    """Tell what a bucket that keeps versions still has of what was removed."""
    if not beside.abilities.keeps_versions or not pruned.keys:
        return
    say(f"The bucket of {beside.store.address} keeps versions: earlier ones of these objects are still there.")
    for key in pruned.keys:
        say(f"  {key}")
    say("Delete these versions with the tools of the store, or set a lifecycle rule that does.")
