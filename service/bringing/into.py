"""What was brought, put into a folder of tables: new records are added, those that were brought before are updated."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from service.archive.identifiers import PLURALS
from service.archive.progress import Progress, silent
from service.archive.tables import compiled, is_tables, write_tables
from service.archive.tables.compiling import LABELS
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


@dataclass
class Present:
    """What is in a folder of tables: its head, and its records by identifier."""

    folder: Path
    head: dict[str, Any]
    records: dict[str, Piece]

    def labels(self) -> dict[str, list[str]]:
        """Return the identifiers of the records that are called so, by what they are called."""
        return _labels(self.records)


def bring_into(folder: Path, brought: Brought, *, new_terms: bool, progress: Progress = silent) -> Outcome:
    """Write what was brought into a folder of tables, which is started where there is none.

    Of a record that was brought before, what an editor changed since stays as it is; what was withdrawn is not brought
    again. Both are told. Values that are no term yet become terms only with `new_terms`. Raises BringRefused, and changes nothing, where the folder is no sound archive or a value is
    unknown.
    """
    present = present_in(folder, progress=progress)
    head, records = present.head, present.records
    _refer(brought, records)
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
        if before is not None and _would_hide(kind, before[1], record):
            outcome.unchanged[kind] += 1
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
    memory_file = orjson.dumps(memory, option=orjson.OPT_INDENT_2)
    extra: dict[str, bytes | Path] = {**brought.files, BROUGHT: memory_file}
    write_tables(head, records.values, folder, extra=extra, progress=progress)
    return outcome


def _would_hide(kind: str, before: dict[str, Any], record: dict[str, Any]) -> bool:
    """Tell whether a person, a topic or a place that is public would be hidden: others refer to it, so it stays as it is."""
    hidden, now = (each.get("access", {}).get("visibility") for each in (before, record))
    return kind in ("agent", "topic", "place") and hidden is None and now is not None


def _is_there(piece: Piece | None) -> bool:
    return piece is not None and piece[0] != WITHDRAWN


def present_in(folder: Path, *, progress: Progress = silent) -> Present:
    """Return what is in a folder of tables; what a new archive begins with where there is none. Raises BringRefused."""
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return Present(folder, {**HEAD}, {})
    if not folder.is_dir() or not is_tables(folder):
        raise BringRefused(f"{folder} is there already and is no folder of tables")
    with compiled(folder, progress=progress) as tables:
        if tables.findings:
            first = tables.findings[0]
            raise BringRefused(f"{folder} is not sound ({first.pointer}: {first.detail}); see: testimony-archive check")
        records = {record["id"]: (kind, record) for kind, record in pieces_of(tables.path)}
        return Present(folder, head_of(tables.path), records)


def _labels(records: Mapping[str, Piece]) -> dict[str, list[str]]:
    labels: dict[str, list[str]] = {}
    for identifier, (_, record) in records.items():
        for label in {text.strip() for key in LABELS if isinstance(text := record.get(key), str)}:
            labels.setdefault(label, []).append(identifier)
    return labels


def _refer(brought: Brought, present: Mapping[str, Piece]) -> None:
    """Put identifiers where records were named by what they are called. What no record is called, or two are, is kept in a
    field of its own, and told.
    """
    if not brought.references:
        return
    everything = {name: each for name, each in present.items() if _is_there(each)} | brought.records
    labels = _labels(everything)
    for each in brought.references:
        kind, record = brought.records[each.record]
        found: list[str] = []
        unfound: list[str] = []
        for label in each.labels:
            named = [name for name in labels.get(label, ()) if everything[name][0] in each.types]
            (found if len(named) == 1 else unfound).append(named[0] if len(named) == 1 else label)
            if len(named) != 1:
                why = "two records are called so" if named else "no record is called so"
                brought.leave(each.file, each.where, "a reference", f"{why}; it is kept in custom.{each.unfound}")
        custom = record.setdefault("custom", {})
        if found:
            custom[each.field] = found if each.many else found[0]
        if unfound:
            custom[each.unfound] = unfound
            label = f"{each.field.replace('_', ' ').capitalize()} (no record)"
            brought.declare(kind, {"name": each.unfound, "label": label, "kind": "text", "many": True})


def _extend(head: dict[str, Any], brought: Brought) -> None:
    """Add own fields and vocabularies to the head. A field or term that is there stays as it is; a field that holds something
    else than is brought is refused.
    """
    for kind, fields in brought.fields.items():
        known = head.setdefault("fields", {}).setdefault(kind, [])
        declared = {each["name"]: each for each in known}
        for each in fields:
            there = declared.get(each["name"])
            if there is None:
                known.append(each)
            elif any(there.get(key) != each.get(key) for key in ("kind", "vocabulary")) or bool(
                there.get("many")
            ) != bool(each.get("many")):
                raise BringRefused(
                    f"the field custom.{each['name']} is there already and holds {_held(there)}, not {_held(each)}: "
                    "bring it under another name"
                )
    for name, vocabulary in brought.vocabularies.items():
        terms = head.setdefault("vocabularies", {}).setdefault(name, vocabulary | {"terms": []})["terms"]
        values = {term["value"] for term in terms}
        terms += [term for term in vocabulary["terms"] if term["value"] not in values]


def _held(field: Mapping[str, Any]) -> str:
    of = f" of {field['vocabulary']}" if field.get("vocabulary") else ""
    return f"{'several' if field.get('many') else 'one'} ({field.get('kind')}{of})"


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
