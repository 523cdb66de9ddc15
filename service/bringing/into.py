"""What was brought, put into a folder of tables: new records are added, those that were brought before are updated."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from service.archive.identifiers import PLURALS
from service.archive.tables import compiled, is_tables, write_tables
from service.archive.tables.layout import WITHDRAWN
from service.archive.tables.starting import HEAD
from service.archive.tables.writing import Piece, head_of, pieces_of
from service.bringing.brought import Brought, Left
from service.bringing.merging import BROUGHT, hashes_of, merged, remembered
from service.errors import BringRefused

_KEPT = "it was changed here since it was brought, and stays as it is here"


@dataclass
class Outcome:
    """How many records of each type were created, updated and found unchanged."""

    created: Counter[str] = field(default_factory=Counter)
    updated: Counter[str] = field(default_factory=Counter)
    unchanged: Counter[str] = field(default_factory=Counter)


def bring_into(folder: Path, brought: Brought, *, new_terms: bool) -> Outcome:
    """Write what was brought into a folder of tables, which is started where there is none.

    Of a record that was brought before, what an editor changed since stays as it is; what was withdrawn is not brought
    again. Both are told. Values that are no term yet become terms only with `new_terms`. Raises BringRefused, and changes nothing, where the folder is no sound archive or a value is
    unknown.
    """
    head, records = _present(folder)
    _extend(head, brought)
    _take_terms(head, brought.new_terms, is_allowed=new_terms)
    outcome = Outcome()
    memory = {name: each for name, each in remembered(folder).items() if _is_there(records.get(name))}
    for identifier, (kind, record) in brought.records.items():
        before = records.get(identifier)
        if before is not None and not _is_there(before):
            brought.left.append(
                Left(f"{WITHDRAWN}.csv", identifier, kind, "it was withdrawn, and is not brought again")
            )
            continue
        if before is None:
            outcome.created[kind] += 1
            records[identifier] = kind, record
        else:
            after, kept = merged(memory.get(identifier, {}), before[1], record)
            is_same = hashes_of(after) == hashes_of(before[1])
            (outcome.unchanged if is_same else outcome.updated)[kind] += 1
            records[identifier] = kind, after
            brought.left += [Left(f"{PLURALS[kind]}.csv", identifier, field, _KEPT) for field in kept]
        memory[identifier] = hashes_of(record)
    write_tables(head, records.values, folder, extra={BROUGHT: orjson.dumps(memory, option=orjson.OPT_INDENT_2)})
    return outcome


def _is_there(piece: Piece | None) -> bool:
    return piece is not None and piece[0] != WITHDRAWN


def _present(folder: Path) -> tuple[dict[str, Any], dict[str, Piece]]:
    """Return the head and the records of the tables that are there."""
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return {**HEAD}, {}
    if not folder.is_dir() or not is_tables(folder):
        raise BringRefused(f"{folder} is there already and is no folder of tables")
    with compiled(folder) as tables:
        if tables.findings:
            first = tables.findings[0]
            raise BringRefused(f"{folder} is not sound ({first.pointer}: {first.detail}); see: testimony-archive check")
        return head_of(tables.path), {record["id"]: (kind, record) for kind, record in pieces_of(tables.path)}


def _extend(head: dict[str, Any], brought: Brought) -> None:
    """Add own fields and vocabularies to the head. A field or term that is there stays as it is."""
    for kind, fields in brought.fields.items():
        known = head.setdefault("fields", {}).setdefault(kind, [])
        names = {each["name"] for each in known}
        known += [each for each in fields if each["name"] not in names]
    for name, vocabulary in brought.vocabularies.items():
        terms = head.setdefault("vocabularies", {}).setdefault(name, vocabulary | {"terms": []})["terms"]
        values = {term["value"] for term in terms}
        terms += [term for term in vocabulary["terms"] if term["value"] not in values]


def _take_terms(head: dict[str, Any], new: dict[str, list[dict[str, Any]]], *, is_allowed: bool) -> None:
    """Add values to vocabularies as terms, where that is allowed. Raises BringRefused where it is not."""
    unknown: dict[str, list[str]] = {}
    for name, terms in new.items():
        vocabulary = head.setdefault("vocabularies", {}).setdefault(name, {"terms": []})
        values = {term["value"] for term in vocabulary["terms"]}
        more = [term for term in terms if term["value"] not in values]
        vocabulary["terms"] += more
        if more:
            unknown[name] = [term["value"] for term in more]
    if unknown and not is_allowed:
        told = "; ".join(f"{name}: {', '.join(some[:10])}{', …' * (len(some) > 10)}" for name, some in unknown.items())
        raise BringRefused(
            f"values that no vocabulary has ({told}): write them as the archive does, or make them terms with --new-terms"
        )
