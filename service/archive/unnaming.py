"""Taking a name back: it moves from an agent's public fields into `private`, and every place where it still stands is told.

Knows no release. What it tells of the file are identifiers and pointers, never the name.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal

from service.archive.checks.names import names_in
from service.archive.checks.records import IDENTIFYING
from service.archive.checks.report import MAX_FINDINGS
from service.archive.editing import items_of, replacing, write_changed
from service.archive.protected_names import Named, ProtectedNames, private_names, published_names
from service.archive.reading import Finding
from service.errors import EditRefused

#: What an agent whose name is taken back becomes.
Policy = Literal["pseudonym", "withheld"]


@dataclass(frozen=True, slots=True)
class Unnaming:
    """What taking a name back came to: each place where it still stands, and whether there are more than are kept."""

    places: list[Finding]
    more: bool


def unname(path: Path, agent: str, *, policy: Policy, label: str | None, today: date) -> Unnaming:
    """Move an agent's names into `private`, set its policy and `label`, and look for the names in all public texts.

    Raises:
        EditRefused: for an agent that is not there or has no label to be shown instead, and for a file that is broken
            or being changed.
        ArchiveUnreadable: for a file that cannot be opened or read.

    In each case, and also when the process is killed, the file is as it was.
    """
    path = path.resolve()
    with replacing(path) as file:
        before = _agent(path, agent)
        if label is None and before.get("label") is None:
            raise EditRefused(f"{agent} has no `label` to be shown instead of the name: give one; nothing was changed.")

        def change(kind: str, value: dict[str, Any]) -> dict[str, Any] | None:
            return _unnamed(value, policy, label) if kind == "agent" and value.get("id") == agent else None

        write_changed(path, file, change)
        file.flush()
        written = Path(file.name)
        places = list(_first(_places(written, _agent(written, agent), today=today)))
    return Unnaming(places[:MAX_FINDINGS], len(places) > MAX_FINDINGS)


def _first(found: Iterator[Finding]) -> Iterator[Finding]:
    yield from (finding for finding, _ in zip(found, range(MAX_FINDINGS + 1), strict=False))


def _agent(path: Path, agent: str) -> dict[str, Any]:
    found = [value for item, value in items_of(path) if item.kind == "agent" and value.get("id") == agent]
    if not found:
        raise EditRefused(f"{agent} is no agent of this archive; nothing was changed in {path}.")
    return dict(found[0])


def _unnamed(agent: dict[str, Any], policy: Policy, label: str | None) -> dict[str, Any]:
    """Return an agent with its names under `private`, beside what was there."""
    names = list(dict.fromkeys(published_names(agent)))
    access = dict(agent.get("access", {}))
    private = access.get("private")
    # Anything may stand under `private`; what is no object moves down, so that the names can stand beside it.
    kept = dict(private) if isinstance(private, dict) else {} if private is None else {"note": private}
    known = list(private_names({"private": kept}))
    if new := [name for name in names if name not in known]:
        earlier = kept.get("names", [])
        kept["names"] = [*(earlier if isinstance(earlier, list) else [earlier]), *new]
    access["private"] = kept
    # What tells who it is without a name goes along.
    kept |= {key: agent[key] for key in IDENTIFYING if agent.get(key) and key not in kept}
    changed = {
        key: value
        for key, value in agent.items()
        if key not in {"name", "names", "access", "translations", *IDENTIFYING}
    }
    changed["name_policy"] = policy
    if label is not None:
        changed["label"] = label
    if isinstance(translations := agent.get("translations"), dict):
        without = {
            tag: {key: text for key, text in part.items() if key != "name"} for tag, part in translations.items()
        }
        if left := {tag: part for tag, part in without.items() if part}:
            changed["translations"] = left
    return {**changed, "access": access}


def _places(path: Path, agent: dict[str, Any], *, today: date) -> Iterator[Finding]:
    is_person = agent.get("kind") == "person"
    names = ProtectedNames(Named(agent["id"], name, is_person) for name in private_names(agent.get("access")))
    for item, value in items_of(path):
        if item.kind not in {"format", "withdrawn"}:
            yield from names_in(item, value, names, today=today)
