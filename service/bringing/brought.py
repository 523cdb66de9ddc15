"""What an importer makes of files: records, own fields and vocabularies they need, and what it had to leave."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from service.archive.identifiers import PREFIXES, RecordType

#: What is known of rights in something that was brought: nothing yet (rightsstatements.org, "copyright undetermined").
UNKNOWN_RIGHTS = "http://rightsstatements.org/vocab/UND/1.0/"


@dataclass(frozen=True, slots=True)
class Left:
    """Something of a file that was not brought: where it stands, what it is, and why it was left."""

    file: str
    where: str
    what: str
    why: str


@dataclass(frozen=True, slots=True)
class Reference:
    """A field of the archive's own that names other records by what they are called."""

    record: str
    #: The field, and the one that keeps what could not be found; whether the field is a list.
    field: str
    unfound: str
    many: bool
    types: tuple[RecordType, ...]
    labels: list[str]
    file: Path
    where: str


@dataclass
class Brought:
    """What was made of some files."""

    #: What made it, such as `ohms`: it stands in identifiers, so that bringing again updates.
    system: str
    records: dict[str, tuple[RecordType, dict[str, Any]]] = field(default_factory=dict)
    #: Own fields that the head needs, by type of record, and vocabularies, by name, as the format has them.
    fields: dict[RecordType, list[dict[str, Any]]] = field(default_factory=dict)
    vocabularies: dict[str, dict[str, Any]] = field(default_factory=dict)
    left: list[Left] = field(default_factory=list)
    #: Values that were not known to be terms, as terms, by the vocabulary's name.
    new_terms: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    #: What names other records, to be looked up once all are there.
    references: list[Reference] = field(default_factory=list)
    #: Files to be copied beside the tables, by their path there.
    files: dict[str, Path] = field(default_factory=dict)

    def add(self, kind: RecordType, key: str, fields: Mapping[str, Any]) -> str:
        """Add a record, or what is known of one that was added, and return its identifier. Fields that are None are left out.

        `key` names it in what it was brought from, and gives the same identifier each time.
        """
        identifier = self.identifier(kind, key)
        _, known = self.records.get(identifier, (kind, {"id": identifier}))
        self.records[identifier] = (
            kind,
            known | {name: value for name, value in fields.items() if value not in (None, [])},
        )
        return identifier

    def identifier(self, kind: RecordType, key: str) -> str:
        """Return the identifier of a record by its key. It tells nothing of what it names."""
        digest = hashlib.sha256(f"{self.system} {kind} {key}".encode()).hexdigest()
        return f"{PREFIXES[kind]}-{self.system}-{digest[:12]}"

    def leave(self, file: Path, where: str, what: str, why: str) -> None:
        """Tell of something that is not brought."""
        self.left.append(Left(file.name, where, what, why))

    def declare(self, kind: RecordType, field: Mapping[str, Any]) -> None:
        """Declare an own field, as the head has it, once."""
        fields = self.fields.setdefault(kind, [])
        if all(each["name"] != field["name"] for each in fields):
            fields.append(dict(field))

    def source_of(self, file: Path, fields: Mapping[str, Any]) -> str:
        """Add the file itself as the source of what it says, and return its identifier."""
        usual = {"type": "document", "title": file.name, "language": "und", "rights": UNKNOWN_RIGHTS}
        return self.add("source", file.name, {**usual, **fields})
