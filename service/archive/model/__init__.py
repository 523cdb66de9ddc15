"""The archive file, format version 1: one strict model per record type, a file each.

Owns shapes, vocabularies and the rules one record can be judged by alone. Knows no file, no database and no HTTP.
A validation error's type is either one of Pydantic's own or a code of `checks/rules.py`, raised here as it stands there.
"""

from service.archive.model.agent import Agent
from service.archive.model.archive_file import FORMAT, RECORD_MODELS, ArchiveFile, Withdrawn, archive_schema
from service.archive.model.event import Act, ActFinding, Claim, Event, Participant
from service.archive.model.head import Head, OwnField, OwnFields, Term, Vocabularies, Vocabulary
from service.archive.model.parts import NO_ENTRIES, NO_ITEMS, Access, Citation, Consent, Custom, Part, Record, Relation
from service.archive.model.place import Place
from service.archive.model.response import Response
from service.archive.model.source import Source, SourceFile, SourceText
from service.archive.model.statistic import Statistic
from service.archive.model.testimony import IndexEntry, Segment, Testimony

__all__ = [
    "FORMAT",
    "NO_ENTRIES",
    "NO_ITEMS",
    "RECORD_MODELS",
    "Access",
    "Act",
    "ActFinding",
    "Agent",
    "ArchiveFile",
    "Citation",
    "Claim",
    "Consent",
    "Custom",
    "Event",
    "Head",
    "IndexEntry",
    "OwnField",
    "OwnFields",
    "Part",
    "Participant",
    "Place",
    "Record",
    "Relation",
    "Response",
    "Segment",
    "Source",
    "SourceFile",
    "SourceText",
    "Statistic",
    "Term",
    "Testimony",
    "Vocabularies",
    "Vocabulary",
    "Withdrawn",
    "archive_schema",
]
