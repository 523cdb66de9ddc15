"""Pieces of a file, each judged by itself, in whatever process: what is wrong with it, and what comparing will need."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import cast

from pydantic import ValidationError

from service.archive.checks.citations import citations_of
from service.archive.checks.ledger import Rows
from service.archive.checks.records import check_head, check_record, is_hidden, is_protected
from service.archive.checks.references import references_of
from service.archive.checks.remembering import passage_of, remember
from service.archive.checks.report import MAX_FINDINGS
from service.archive.checks.rules import NOTES
from service.archive.checks.shapes import explain
from service.archive.declarations import Stated
from service.archive.fields import ArchiveFields, archive_fields
from service.archive.identifiers import TYPE_OF_PREFIX, RecordType, is_identifier
from service.archive.model import RECORD_MODELS, Head, Part, Record, Source, Testimony, Withdrawn
from service.archive.reading import Finding, Item, Line, locate, parsed

#: Pieces of the file, and the number of the first: pieces are numbered as they come, so that findings can be told in the
#: file's order.
Numbered = tuple[int, list[Line | Item | Finding]]


def numbered(batches: Iterable[list[Line | Item | Finding]]) -> Iterator[Numbered]:
    """Yield batches of a file's pieces, each with the number of its first."""
    first = 1
    for batch in batches:
        yield first, batch
        first += len(batch)


@dataclass(slots=True)
class Judged:
    """What was found of some pieces of a file, each by itself, and what comparing them with others will need."""

    findings: list[tuple[int, Finding]] = field(default_factory=list)
    counts: Counter[RecordType] = field(default_factory=Counter)
    rows: Rows = field(default_factory=Rows)
    prepared: list[object] = field(default_factory=list)
    #: The pieces that are no records: parts of the head, and what could not be read.
    others: list[Item | Finding] = field(default_factory=list)
    #: The heads among them, None for one that is not valid.
    heads: list[Head | None] = field(default_factory=list)
    #: The languages that texts are in, as far as they are stated.
    languages: set[str] = field(default_factory=set)
    #: The number of the last piece.
    last: int = 0


def judge(batch: Numbered, *, today: date, stated: Stated, prepare: Callable[[Record | Withdrawn], object]) -> Judged:
    """Check pieces of the file, each by itself; `stated` is what its head declares."""
    judge = _Judge(today, archive_fields(stated), prepare)
    first, pieces = batch
    for number, piece in enumerate(pieces, first):
        judge.take(number, parsed(piece))
    return judge.judged


class _Judge:
    """Checks pieces of a file by themselves, in whatever process."""

    def __init__(self, today: date, fields: ArchiveFields, prepare: Callable[[Record | Withdrawn], object]) -> None:
        self._today = today
        self._fields = fields
        self._prepare = prepare
        self.judged = Judged()
        #: Errors and notes so far.
        self._found = [0, 0]

    def take(self, number: int, piece: Item | Finding) -> None:
        """Check the next piece by itself, and note what comparing will need."""
        self.judged.last = number
        if isinstance(piece, Finding):
            self.judged.others.append(piece)
            self._add(piece)
        elif piece.kind == "format":
            self.judged.others.append(piece)
        elif piece.kind == "archive":
            self.judged.others.append(piece)
            head = cast("Head | None", self._validate(Head, piece))
            self.judged.heads.append(head)
            if head is not None:
                self.judged.languages.add(head.language)
                for vocabulary in head.vocabularies.values():
                    self.judged.languages.update(*(term.translations for term in vocabulary.terms))
                self._add_all(piece.place, check_head(head))
        elif piece.kind == "withdrawn":
            self._take_withdrawn(piece)
        elif piece.kind in RECORD_MODELS:
            self._take_record(piece.kind, piece)

    def _add(self, finding: Finding) -> None:
        # One more than a report keeps tells that there are more. What is in another format comes last.
        self._found[finding.code in NOTES] += 1
        if self._found[finding.code in NOTES] <= MAX_FINDINGS + 1 or finding.code == "unsupported_format":
            self.judged.findings.append((self.judged.last, finding))

    def _add_all(self, place: str, findings: Iterable[Finding]) -> None:
        for found in findings:
            self._add(Finding(found.code, locate(place, found.pointer), found.detail))

    def _validate(self, model: type[Part], item: Item) -> Part | None:
        try:
            return model.model_validate(item.value)
        except ValidationError as error:
            self._add_all(item.place, map(explain, error.errors(include_url=False)))
            return None

    def _take_withdrawn(self, item: Item) -> None:
        if (withdrawn := cast("Withdrawn | None", self._validate(Withdrawn, item))) is not None:
            self.judged.rows.add("withdrawn", self.judged.last, withdrawn.id, item.place)
            self._hand_on(withdrawn)

    def _take_record(self, kind: RecordType, item: Item) -> None:
        self.judged.counts[kind] += 1
        record = cast("Record | None", self._validate(self._fields.models[kind], item))
        if record is None:
            # It is there all the same: one mistake in it must not make every reference to it another.
            name = item.value.get("id") if isinstance(item.value, dict) else None
            if isinstance(name, str) and is_identifier(name):
                self.judged.rows.add("record", self.judged.last, name, item.place, False, False)
            return
        self._add_all(item.place, check_record(record, today=self._today))
        self._remember(record, item.place)
        self._hand_on(record)

    def _remember(self, record: Record, place: str) -> None:
        number, rows = self.judged.last, self.judged.rows
        is_private = is_hidden(record.access, today=self._today)
        rows.add("record", number, record.id, place, is_private, is_protected(record))
        for at, target, types in references_of(record):
            kind = TYPE_OF_PREFIX[target[:3]]
            if kind in types:
                rows.add("reference", number, at, target)
            else:
                detail = f"Must name a record of type {', '.join(types)}, not {kind}."
                self._add(Finding("wrong_reference_type", locate(place, at), detail))
        for at, citation in citations_of(record):
            if citation.start is not None or citation.time is not None or citation.quote is not None:
                rows.add("citation", number, at, citation.source, *passage_of(citation))
            if citation.evidence == "cited" and citation.quote is None:
                rows.add("unlocated", number, at, citation.source)
            if citation.masked:
                rows.add("masked", number)
            elif citation.anchored or citation.quote is not None:
                rows.add("exposing", number, at)
        remember(rows, number, record)
        self.judged.languages.update(_languages_of(record))

    def _hand_on(self, record: Record | Withdrawn) -> None:
        if (prepared := self._prepare(record)) is not None:
            self.judged.prepared.append(prepared)


def _languages_of(record: Record) -> Iterator[str]:
    """Yield every language that a record has texts in, as it names them."""
    yield from record.translations
    if isinstance(record, Source | Testimony):
        yield record.language
    if isinstance(record, Testimony):
        for segment in record.transcript:
            yield from segment.translations
            if segment.language is not None:
                yield segment.language
        for entry in record.index:
            yield from entry.translations
