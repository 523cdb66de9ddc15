"""Every rule of the archive format: its code, what it checks, and the sentence that says what is wrong.

Owns the rules and the order they are asked in: each record by itself as it is read, then records against each
other. Knows no release: what it must know of the current one is asked of a `Predecessor`.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from operator import itemgetter
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Final, NamedTuple, cast, get_args, get_origin

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from service.archive.dates import parse_day, parse_edtf
from service.archive.dividing import can_divide, divided
from service.archive.evidence import WordRuns, check_citation, is_measure_of, own_words, sha256_of
from service.archive.ledger import COMPARISONS, MAX_FINDINGS, Ledger, Predecessor, Rows
from service.archive.model import (
    PREFIXES,
    RECORD_MODELS,
    RECORD_TYPES,
    TYPE_OF_PREFIX,
    Access,
    Agent,
    Citation,
    Event,
    Head,
    Part,
    Place,
    Qualifier,
    Record,
    RecordType,
    RefersTo,
    Response,
    Source,
    Statistic,
    Testimony,
    Withdrawn,
    is_identifier,
)
from service.archive.reading import (
    Finding,
    HeadWatch,
    Item,
    Line,
    join_pointer,
    locate,
    open_regular,
    parsed,
    read_archive,
    read_batches,
)
from service.errors import ArchiveUnreadable, TestimonyArchiveError

#: Bytes of an archive file from which a second process helps: it takes half a second to start.
DIVIDED_FROM = 16 << 20

#: Every code, with what it stands for.
RULES: Final[Mapping[str, str]] = {
    "invalid_json": "The file is UTF-8 and valid JSON, without repeated keys, NaN or a byte order mark.",
    "unsupported_format": "The format is one that this engine reads.",
    "unknown_field": "Every field is one of the format's.",
    "missing_field": "Every field that is required, or that another field requires, is there.",
    "invalid_type": "Every value has the JSON type of its field.",
    "invalid_value": "Every value is one that its field can take.",
    "invalid_id": "Every identifier is well formed, and its prefix is that of its record's type.",
    "duplicate_id": "No two records have the same identifier, and none is withdrawn twice.",
    "dangling_reference": "Every reference names a record of the archive.",
    "wrong_reference_type": "Every reference names a record of a type that its field allows.",
    "reference_cycle": "No place, topic, event or statistic is, over any number of steps, part of itself.",
    "missing_evidence": "Every record and act that needs a citation has one.",
    "invalid_date": "Every date is an EDTF date of the profile, and in the calendar.",
    "reversed_interval": "No interval ends before it starts.",
    "missing_date_note": "An event whose date is unknown or has an unspecified part says why in `date_note`.",
    "passage_out_of_range": "Every cited passage and time lies inside its source.",
    "invalid_hash": "Every hash is a SHA-256, and that of the text it stands beside.",
    "verbatim_not_permitted": "Words of a source are given only where the source is `verbatim`.",
    "quote_mismatch": "Every quote is the passage that its citation names, by SHA-256.",
    "invalid_bounds": "The bounds of a statistic are in order and hold its value; only bounds have a basis.",
    "qualifier_mismatch": "A statistic has the value and the bounds that its qualifier means.",
    "missing_base": "A statistic that says most or all names, in `relative_to`, the figure it is a part of.",
    "unsupported_bounds": "The bounds of a statistic have a basis.",
    "unsupported_status": "An act with an actor is alleged, in a court record, or acknowledged by the actor.",
    "protected_name_present": "An agent whose name is withheld, or who has a pseudonym, has no name here.",
    "visibility_conflict": "No public record names a restricted one, or one under embargo.",
    "deanonymising_anchor": "No exact passage is cited for a witness whose name is withheld or a pseudonym.",
    "invalid_embargo": "A record has a day its embargo ends if and only if it is embargoed.",
    "missing_referral": "A response that referred to somebody else says to whom.",
    "invalid_language": "Every language is a BCP 47 tag.",
    "invalid_rights": "Every rights statement is a rightsstatements.org URI or an SPDX identifier.",
    "invalid_coordinates": "A point has latitude, longitude and radius, all within their ranges.",
    "id_withdrawn": "No identifier that was withdrawn is used again.",
    "source_changed": "The text of a source is that of the current release.",
    "unannounced_removal": "Every record of the current release is still in the archive, or withdrawn.",
    "source_hash_mismatch": "The copy of a source has the length, the bytes and the hash that are stated.",
    "passage_hash_mismatch": "Every cited passage has, in the text of the source, the hash that is stated.",
    "source_text_in_summary": "No text here has eight words in a row of a source that is not `verbatim`.",
}


@dataclass(frozen=True, slots=True)
class Report:
    """What a check found, in the order of the file. `counts` has every record that was read, sound or not."""

    findings: Sequence[Finding]
    #: Whether there were more findings than a report keeps.
    more: bool
    counts: Mapping[RecordType, int]
    #: None where it is missing or not valid.
    head: Head | None

    @property
    def ok(self) -> bool:
        """Whether the archive can be published."""
        return not self.findings


class ArchiveInvalid(TestimonyArchiveError):
    """The archive breaks rules of its format; `report` says which and where."""

    def __init__(self, report: Report) -> None:
        count = f"{len(report.findings)}{' and more' if report.more else ''}"
        super().__init__(f"The archive cannot be published as it is: errors found: {count}.")
        self.report = report


def check_archive(
    path: Path,
    *,
    today: date,
    sources: Mapping[str, Path] = MappingProxyType({}),
    predecessor: Predecessor | None = None,
    prepare: Callable[[Record | Withdrawn], object] | None = None,
    accept: Callable[[Any], None] | None = None,
    progress: Callable[[int], None] | None = None,
) -> Report:
    """Check an archive file by every rule, in memory that does not grow with it.

    Args:
        path: the file, as `read_archive` takes it.
        today: the day, in UTC, that embargoes are judged by.
        sources: copies of sources at hand, by identifier: UTF-8, exactly as they were measured.
        predecessor: the release that the archive is to follow, if there is one.
        prepare: given each record and withdrawal that is valid by itself, perhaps in another process. It has to be one
            that can be handed over, as must what it returns.
        accept: given what `prepare` returned, unless that is None, in the order of the file. Without `prepare`, given
            the records and withdrawals themselves.
        progress: told the bytes read so far.

    Raises:
        ArchiveUnreadable: for the file, or a copy of a source, that cannot be read.
        TestimonyArchiveError: where the process that helps has been ended.
    """
    if prepare is None:
        prepare = _nothing if accept is None else _itself
    judge = partial(_judge, today=today, prepare=prepare)
    is_large = path.is_file() and path.stat().st_size >= DIVIDED_FROM
    with closing(Ledger()) as ledger:
        check = _Check(ledger)
        batches = _numbered(read_batches(path, progress=progress))
        with closing(divided(judge, batches, beside=is_large and can_divide())) as all_judged:
            for judged in all_judged:
                check.take(judged)
                if accept is not None:
                    for prepared in judged.prepared:
                        accept(prepared)
        check.end()
        if not check.is_foreign:
            if predecessor is not None:
                ledger.add_release(predecessor)
            check.compare()
            check.take_copies(path, sources)
        return check.report()


def _nothing(_: Record | Withdrawn) -> None:
    pass


def _itself(record: Record | Withdrawn) -> Record | Withdrawn:
    return record


#: Pieces of the file, and the number of the first: pieces are numbered as they come, so that findings can be told in the
#: file's order.
_Numbered = tuple[int, list[Line | Item | Finding]]


def _numbered(batches: Iterable[list[Line | Item | Finding]]) -> Iterator[_Numbered]:
    first = 1
    for batch in batches:
        yield first, batch
        first += len(batch)


@dataclass(slots=True)
class _Judged:
    """What was found of some pieces of a file, each by itself, and what comparing them with others will need."""

    findings: list[tuple[int, Finding]] = field(default_factory=list)
    counts: Counter[RecordType] = field(default_factory=Counter)
    rows: Rows = field(default_factory=Rows)
    prepared: list[object] = field(default_factory=list)
    #: The pieces that are no records: parts of the head, and what could not be read.
    others: list[Item | Finding] = field(default_factory=list)
    #: The heads among them, None for one that is not valid.
    heads: list[Head | None] = field(default_factory=list)
    #: The number of the last piece.
    last: int = 0


def _judge(batch: _Numbered, *, today: date, prepare: Callable[[Record | Withdrawn], object]) -> _Judged:
    """Check pieces of the file, each by itself."""
    judge = _Judge(today, prepare)
    first, pieces = batch
    for number, piece in enumerate(pieces, first):
        judge.take(number, parsed(piece))
    return judge.judged


class _Judge:
    """Checks pieces of a file by themselves, in whatever process."""

    def __init__(self, today: date, prepare: Callable[[Record | Withdrawn], object]) -> None:
        self._today = today
        self._prepare = prepare
        self.judged = _Judged()

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
            self.judged.heads.append(cast("Head | None", self._validate(Head, piece)))
        elif piece.kind == "withdrawn":
            self._take_withdrawn(piece)
        elif piece.kind in RECORD_MODELS:
            self._take_record(piece.kind, piece)

    def _add(self, finding: Finding) -> None:
        # One more than a report keeps tells that there are more. What is in another format comes last.
        if len(self.judged.findings) <= MAX_FINDINGS or finding.code == "unsupported_format":
            self.judged.findings.append((self.judged.last, finding))

    def _add_all(self, place: str, findings: Iterable[Finding]) -> None:
        for found in findings:
            self._add(Finding(found.code, locate(place, found.pointer), found.detail))

    def _validate(self, model: type[Part], item: Item) -> Part | None:
        try:
            return model.model_validate(item.value)
        except ValidationError as error:
            self._add_all(item.place, map(_explain, error.errors(include_url=False)))
            return None

    def _take_withdrawn(self, item: Item) -> None:
        if (withdrawn := cast("Withdrawn | None", self._validate(Withdrawn, item))) is not None:
            self.judged.rows.add("withdrawn", self.judged.last, withdrawn.id, item.place)
            self._hand_on(withdrawn)

    def _take_record(self, kind: RecordType, item: Item) -> None:
        self.judged.counts[kind] += 1
        record = cast("Record | None", self._validate(RECORD_MODELS[kind], item))
        if record is None:
            # It is there all the same: one mistake in it must not make every reference to it another.
            name = item.value.get("id") if isinstance(item.value, dict) else None
            if isinstance(name, str) and is_identifier(name):
                self.judged.rows.add("record", self.judged.last, name, item.place, False, False)
            return
        self._add_all(item.place, _check_record(record))
        self._remember(record, item.place)
        self._hand_on(record)

    def _remember(self, record: Record, place: str) -> None:
        number, rows = self.judged.last, self.judged.rows
        is_protected = isinstance(record, Agent) and record.name_policy != "published"
        rows.add("record", number, record.id, place, is_hidden(record.access, today=self._today), is_protected)
        for at, target, types in _references(record, _LINKS[record.record]):
            kind = TYPE_OF_PREFIX[target[:3]]
            if kind in types:
                rows.add("reference", number, at, target)
            else:
                detail = f"Must name a record of type {', '.join(types)}, not {kind}."
                self._add(Finding("wrong_reference_type", locate(place, at), detail))
        for at, citation in _citations(record):
            if citation.start is not None or citation.time is not None or citation.quote is not None:
                rows.add("citation", number, at, citation.source, *_passage(citation))
        if (remember := _REMEMBER.get(record.record)) is not None:
            remember(rows, number, record)

    def _hand_on(self, record: Record | Withdrawn) -> None:
        if (prepared := self._prepare(record)) is not None:
            self.judged.prepared.append(prepared)


class _Check:
    """One run of the checks over one file."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._findings: list[tuple[int, Finding]] = []
        self._more = False
        self._counts = dict.fromkeys(RECORD_TYPES, 0)
        self._head: Head | None = None
        self._last = 0
        self._watch = HeadWatch()
        # Whether every piece could be read: if not, a record that is missing may only have been unreadable.
        self._is_whole = True
        #: Whether the file is in another format, of which nothing more can be said.
        self.is_foreign = False

    def take(self, judged: _Judged) -> None:
        """Take what was found of the next pieces of the file, and remember what comparing will need."""
        for piece in judged.others:
            self._watch.see(piece)
            self._is_whole &= isinstance(piece, Item)
            self.is_foreign |= isinstance(piece, Finding) and piece.code == "unsupported_format"
        self._last = judged.last
        if judged.heads:
            self._head = judged.heads[-1]
        if self.is_foreign:
            # The last piece says so. Nothing said before it holds.
            self._findings, self._more, self._head = [], False, None
            judged.findings = judged.findings[-1:]
        for number, finding in judged.findings:
            self._add(number, finding)
        for kind, count in judged.counts.items():
            self._counts[kind] += count
        self._ledger.add(judged.rows)

    def end(self) -> None:
        """Tell what the head lacks, once all pieces have come."""
        for finding in self._watch.findings():
            self._is_whole = False
            self._last += 1
            self._add(self._last, finding)

    def compare(self) -> None:
        """Check records against each other, once all are remembered."""
        self._ledger.index()
        for rule in COMPARISONS:
            if self._is_whole or not rule.needs_all:
                for number, pointer, subject in self._ledger.ask(rule.sql):
                    self._add(number, Finding(rule.code, pointer, rule.detail.format(subject)))
        for number, pointer, subject in self._ledger.cycles():
            self._add(number, Finding("reference_cycle", pointer, f"This leads, step by step, back to `{subject}`."))

    def take_copies(self, path: Path, sources: Mapping[str, Path]) -> None:
        """Check passages against the texts at hand: the copies, or else the texts in the archive."""
        for source in self._ledger.sources_with_content():
            if source not in sources:
                self._check_passages(source, self._ledger.content_of(source))
        runs = WordRuns()
        for source, copy in sources.items():
            self._take_copy(source, _read_copy(copy), runs)
        if runs:
            self._find_runs(path, runs)

    def report(self) -> Report:
        """Return what was found so far."""
        findings = [finding for _, finding in sorted(self._findings, key=itemgetter(0))]
        return Report(findings, self._more, self._counts, self._head)

    def _add(self, number: int, finding: Finding) -> None:
        if len(self._findings) < MAX_FINDINGS:
            self._findings.append((number, finding))
        else:
            self._more = True

    def _take_copy(self, source: str, text: str, runs: WordRuns) -> None:
        stated = self._ledger.source(source)
        if stated is None:
            if self._is_whole:
                detail = f"A copy was given of `{source}`, which is no source of the archive."
                self._add(self._last + 1, Finding("dangling_reference", "", detail))
            return
        if not stated.is_verbatim:
            runs.add(source, text)
        if stated.text is not None and not is_measure_of(stated.text, text):
            # Its passages are not looked at: in another text, each would be one more way to say the same.
            detail = "The copy is not this text: its length, bytes or SHA-256 differ."
            self._add(stated.number, Finding("source_hash_mismatch", locate(stated.place, "/text"), detail))
        else:
            self._check_passages(source, text)

    def _check_passages(self, source: str, text: str) -> None:
        for number, pointer, start, end, sha256 in self._ledger.passages(source):
            if end <= len(text) and sha256_of(text[start:end]) != sha256:
                detail = f"The passage of `{source}` at these offsets has another SHA-256."
                self._add(number, Finding("passage_hash_mismatch", pointer, detail))

    def _find_runs(self, path: Path, runs: WordRuns) -> None:
        # The file is read again: which sources may not be repeated is not known before its end.
        for number, piece in enumerate(read_archive(path), 1):
            # The title of a source is the source's own, and in its text too.
            if isinstance(piece, Item) and piece.kind != "source":
                for at, text in own_words(piece.value):
                    if (source := runs.find(text)) is not None:
                        detail = f"Eight words in a row are those of `{source}`, which is not `verbatim`."
                        pointer = locate(piece.place, at)
                        self._add(number, Finding("source_text_in_summary", pointer, detail))


def _read_copy(path: Path) -> str:
    try:
        with open_regular(path) as file:
            return file.read().decode()
    except UnicodeDecodeError:
        raise ArchiveUnreadable(f"{path} is not UTF-8, as the copy of a source must be.") from None


# --- A record by itself: its shape --------------------------------------------------------------------------

_TYPES = {
    "string_type": "a text",
    "int_type": "a whole number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "an object",
    "model_type": "an object",
}
_VALUES = {
    "literal_error": "must be one of {expected}",
    "string_too_short": "must not be empty",
    "string_too_long": "must have at most {max_length} characters",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "too_long": "must have at most {max_length} entries",
    "too_short": "must have at least {min_length} entries",
}

_DATE_LIKE = re.compile(r"[0-9X?~%./-]*")


def _explain(error: ErrorDetails) -> Finding:
    """Turn an error of validation into a finding that repeats nothing of the input."""
    kind, context = error["type"], error.get("ctx", {})
    steps = list(error["loc"])
    if kind == "extra_forbidden":
        return Finding("unknown_field", join_pointer(steps), "The format has no such field here.")
    if kind == "missing":
        return Finding("missing_field", join_pointer(steps[:-1]), f"`{steps[-1]}` is required.")
    name = next((f"`{step}`" for step in reversed(steps) if isinstance(step, str)), "The record")
    if steps[-1:] == ["[key]"]:  # how Pydantic says that the key of an entry is what is wrong
        name = "The key"
        steps.pop()
    if kind in RULES:
        text = error["msg"]
        if kind == "invalid_date" and not _DATE_LIKE.fullmatch(error["input"]):
            # Its message repeats what was written, which may be anything if it isn't near a date.
            text = "must be a date, such as 2021, 2021-05, 2021-05-09 or 2021-05-XX"
        # The model's own messages go on from the name of the field; those of dates are sentences.
        detail = f"{name} {text}." if text.startswith(("is ", "must ")) else text
        return Finding(kind, join_pointer(steps), detail)
    if kind == "too_short" and steps[-1] == "citations":
        return Finding("missing_evidence", join_pointer(steps), "At least one citation is required.")
    if kind.endswith("_type"):
        detail = f"{name} must be {_TYPES.get(kind, 'of another type')}."
        return Finding("invalid_type", join_pointer(steps), detail)
    expected = _VALUES.get(kind, "holds characters that it must not hold").format(**context).replace("'", "")
    return Finding("invalid_value", join_pointer(steps), f"{name} {expected}.")


# --- A record by itself: its sense --------------------------------------------------------------------------


def is_hidden(access: Access, *, today: date) -> bool:
    """Tell whether a record is restricted, or under an embargo that ends after `today`."""
    if access.visibility == "embargoed" and access.embargo_until is not None:
        return parse_day(access.embargo_until) > today
    return access.visibility != "public"


def _citations(record: Record) -> Iterator[tuple[str, Citation]]:
    """Yield every citation of a record, with the pointer to it."""
    for index, citation in enumerate(getattr(record, "citations", ())):
        yield f"/citations/{index}", citation
    if isinstance(record, Event):
        for number, act in enumerate(record.acts):
            for index, citation in enumerate(act.citations):
                yield f"/acts/{number}/citations/{index}", citation


def _check_record(record: Record) -> Iterator[Finding]:
    """Yield what is wrong with a record by itself; pointers are within it."""
    prefix = PREFIXES[record.record]
    if not record.id.startswith(f"{prefix}-"):
        yield Finding("invalid_id", "/id", f"The id of this record must begin with {prefix}-.")
    access = record.access
    if (access.visibility == "embargoed") != (access.embargo_until is not None):
        yield Finding(
            "invalid_embargo", "/access", "`embargo_until` is required for `embargoed`, and for nothing else."
        )
    for at, citation in _citations(record):
        for found in check_citation(citation):
            yield Finding(found.code, at + found.pointer, found.detail)
    if (rule := _RECORD_RULES.get(record.record)) is not None:
        yield from rule(record)


def _check_source(source: Source) -> Iterator[Finding]:
    if source.text is None or source.text.content is None:
        return
    if not source.verbatim:
        yield Finding("verbatim_not_permitted", "/text/content", "The text is given, but `verbatim` is false.")
    if not is_measure_of(source.text, source.text.content):
        yield Finding("invalid_hash", "/text", "`length`, `bytes` or `sha256` is not that of `content`.")


def _check_agent(agent: Agent) -> Iterator[Finding]:
    if agent.name_policy == "published":
        if agent.name is None:
            yield Finding("missing_field", "", "`name` is required where the name is published.")
        return
    if agent.label is None:
        yield Finding("missing_field", "", "`label` is required, to be shown instead of the name.")
    names = [("/name", agent.name)]
    names += [(join_pointer(["translations", tag, "name"]), part.name) for tag, part in agent.translations.items()]
    for at, name in names:
        if name is not None:
            detail = f"A name is given, but `name_policy` is {agent.name_policy}. Use `label`."
            yield Finding("protected_name_present", at, detail)
    for at, citation in _citations(agent):
        if citation.anchored:
            yield Finding("deanonymising_anchor", at, _ANCHOR_DETAIL)


def _check_place(place: Place) -> Iterator[Finding]:
    latitude, longitude, radius = place.latitude, place.longitude, place.radius_m
    if latitude is None and longitude is None and radius is None:
        return
    if latitude is None or longitude is None or radius is None:
        yield Finding("invalid_coordinates", "", "`latitude`, `longitude` and `radius_m` are required together.")
        return
    if abs(latitude) > 90:
        yield Finding("invalid_coordinates", "/latitude", "`latitude` must lie between -90 and 90.")
    if abs(longitude) > 180:
        yield Finding("invalid_coordinates", "/longitude", "`longitude` must lie between -180 and 180.")
    if radius <= 0:
        yield Finding("invalid_coordinates", "/radius_m", "`radius_m` must be more than 0.")


def _check_event(event: Event) -> Iterator[Finding]:
    if event.date_note is None and (event.date is None or parse_edtf(event.date).has_unspecified):
        yield Finding("missing_date_note", "", "`date_note` is required: the date is unknown or partly unspecified.")


def _check_testimony(testimony: Testimony) -> Iterator[Finding]:
    for index, segment in enumerate(testimony.transcript):
        if segment.start_s is not None and segment.end_s is not None and segment.end_s < segment.start_s:
            yield Finding("invalid_value", f"/transcript/{index}/end_s", "`end_s` must not be before `start_s`.")


def _check_response(response: Response) -> Iterator[Finding]:
    if response.kind == "referred" and response.referred_to is None:
        yield Finding("missing_referral", "", "`referred_to` is required: the kind is referred.")
    if response.kind != "referred" and response.referred_to is not None:
        yield Finding("invalid_value", "/referred_to", "`referred_to` is only for the kind referred.")


class _Shape(NamedTuple):
    """What a qualifier asks of the figure: a test, and the sentence that says it."""

    fits: Callable[[Statistic], bool]
    means: str


_SHAPES: Mapping[Qualifier, _Shape] = {
    "exact": _Shape(lambda s: s.value is not None and s.lower == s.upper == s.value, "`lower` and `upper` are `value`"),
    "about": _Shape(lambda s: s.value is not None, "there is a `value`"),
    "at_least": _Shape(
        lambda s: s.value is not None and s.lower == s.value and s.lower_inclusive and s.upper is None,
        "`lower` is `value`, inclusive, and there is no `upper`",
    ),
    "more_than": _Shape(
        lambda s: s.value is not None and s.lower == s.value and not s.lower_inclusive and s.upper is None,
        "`lower` is `value`, not inclusive, and there is no `upper`",
    ),
    "at_most": _Shape(
        lambda s: s.value is not None and s.upper == s.value and s.upper_inclusive,
        "`upper` is `value`, inclusive",
    ),
    "less_than": _Shape(
        lambda s: s.value is not None and s.upper == s.value and not s.upper_inclusive,
        "`upper` is `value`, not inclusive",
    ),
    "between": _Shape(
        lambda s: s.value is None and s.lower is not None and s.upper is not None,
        "there are `lower` and `upper`, and no `value`",
    ),
    "order_of_magnitude": _Shape(
        lambda s: s.value is None and s.lower is not None, "there is a `lower`, and no `value`"
    ),
    "most": _Shape(lambda s: s.value is None, "there is no `value`"),
    "all": _Shape(lambda _: True, "anything fits"),
    "none": _Shape(lambda s: s.value == s.lower == s.upper == 0, "`value`, `lower` and `upper` are 0"),
}


def _check_statistic(statistic: Statistic) -> Iterator[Finding]:
    shape = _SHAPES[statistic.qualifier]
    is_bounded = statistic.lower is not None or statistic.upper is not None
    # Only the first that is true: bounds in disorder fit no qualifier either, and would be told twice.
    if (detail := _disorder(statistic)) is not None:
        yield Finding("invalid_bounds", "", detail)
    elif is_bounded and statistic.bounds_basis == "none":
        yield Finding("unsupported_bounds", "/bounds_basis", "There are bounds, but `bounds_basis` is none.")
    elif not shape.fits(statistic):
        yield Finding("qualifier_mismatch", "/qualifier", f"{statistic.qualifier} means that {shape.means}.")
    if statistic.qualifier in {"most", "all"} and statistic.relative_to is None:
        yield Finding("missing_base", "", f"`relative_to` is required: {statistic.qualifier} of what?")


def _disorder(statistic: Statistic) -> str | None:
    value, lower, upper = statistic.value, statistic.lower, statistic.upper
    if lower is None and upper is None and statistic.bounds_basis != "none":
        return "`bounds_basis` must be none where there are no bounds."
    if lower is not None and upper is not None:
        if lower > upper:
            return "`lower` is above `upper`."
        if lower == upper and not (statistic.lower_inclusive and statistic.upper_inclusive):
            return "`lower` and `upper` are equal, so both must be inclusive."
    if value is not None and ((lower is not None and value < lower) or (upper is not None and value > upper)):
        return "`value` lies outside the bounds."
    return None


_ANCHOR_DETAIL = "An exact passage of a source would tell who this is: cite the source, a page or a time."

# Each takes records of its own type only, which is more than the type of a table can say.
_RECORD_RULES: Mapping[RecordType, Callable[[Any], Iterator[Finding]]] = {
    "source": _check_source,
    "agent": _check_agent,
    "place": _check_place,
    "event": _check_event,
    "testimony": _check_testimony,
    "statistic": _check_statistic,
    "response": _check_response,
}


# --- References ---------------------------------------------------------------------------------------------


class _Link(NamedTuple):
    """A field that refers to records, or whose parts do."""

    name: str
    types: tuple[RecordType, ...]
    inner: "tuple[_Link, ...]"


def _links(model: type[Part]) -> Iterator[_Link]:
    for name, described in model.model_fields.items():
        marks = [*described.metadata, *_walk(described.annotation)]
        types = next((mark.types for mark in marks if isinstance(mark, RefersTo)), ())
        parts = (mark for mark in marks if isinstance(mark, type) and issubclass(mark, Part))
        inner = tuple(link for part in parts for link in _links(part))
        if types or inner:
            yield _Link(name, types, inner)


def _walk(annotation: object) -> Iterator[object]:
    """Yield every type and every mark that an annotation is made of."""
    if get_origin(annotation) is None:
        yield annotation
    if get_origin(annotation) is Annotated:
        yield from annotation.__metadata__  # type: ignore[attr-defined]
    for inner in get_args(annotation):
        yield from _walk(inner)


# Worked out once: going through the fields of a model takes longer than checking a record.
_LINKS = {kind: tuple(_links(model)) for kind, model in RECORD_MODELS.items()}


def _references(part: Part, links: Iterable[_Link], at: str = "") -> Iterator[tuple[str, str, tuple[RecordType, ...]]]:
    """Yield every reference of a record: the pointer to it, whom it names, and which types it may name."""
    for name, types, inner in links:
        value = getattr(part, name)
        if not value:
            continue
        if not isinstance(value, list):
            yield f"{at}/{name}", value, types
        elif inner:
            for index, one in enumerate(value):
                yield from _references(one, inner, f"{at}/{name}/{index}")
        else:
            for index, target in enumerate(value):
                yield f"{at}/{name}/{index}", target, types


# --- What is remembered to compare records ------------------------------------------------------------------


def _passage(citation: Citation) -> tuple[int | None, int | None, str | None, float | None, bool]:
    is_sound = citation.anchored and not any(check_citation(citation))
    return (
        citation.start if is_sound else None,
        citation.end if is_sound else None,
        citation.sha256 if is_sound else None,
        citation.time[1] if citation.time else None,
        citation.quote is not None,
    )


def _remember_source(rows: Rows, number: int, source: Source) -> None:
    text = source.text
    content = text.content if text is not None else None
    if text is not None and content is not None and not is_measure_of(text, content):
        content = None  # told already: its passages would each say so again
    measures = (text.length, text.bytes, text.sha256) if text is not None else (None, None, None)
    is_court_record = source.type == "court_record"
    rows.add("source", source.id, number, source.verbatim, is_court_record, source.duration_s, *measures, content)


def _remember_parent(field: str, rows: Rows, number: int, record: Record) -> None:
    if (parent := getattr(record, field)) is not None:
        rows.add("parent", record.id, number, f"/{field}", parent, 0)


def _remember_event(rows: Rows, number: int, event: Event) -> None:
    _remember_parent("part_of", rows, number, event)
    for index, act in enumerate(event.acts):
        if act.actor is not None and act.status != "alleged":
            at = f"/acts/{index}/status"
            rows.add("claim", number, at, event.id, act.actor)
            for citation in act.citations:
                rows.add("claim_source", number, at, citation.source)


def _remember_testimony(rows: Rows, number: int, testimony: Testimony) -> None:
    if testimony.transcript:
        for citation in testimony.citations:
            rows.add("transcript", number, citation.source)
    anchored = next((at for at, citation in _citations(testimony) if citation.anchored), None)
    if anchored is not None:
        for agent in {testimony.witness, *testimony.hearsay}:
            rows.add("exposure", number, anchored, agent)


def _remember_response(rows: Rows, _: int, response: Response) -> None:
    if response.kind == "acknowledged":
        for subject in response.about or [""]:
            rows.add("admission", response.party, subject)


_REMEMBER: Mapping[RecordType, Callable[[Rows, int, Any], None]] = {
    "source": _remember_source,
    "place": partial(_remember_parent, "part_of"),
    "topic": partial(_remember_parent, "broader"),
    "event": _remember_event,
    "testimony": _remember_testimony,
    "statistic": partial(_remember_parent, "relative_to"),
    "response": _remember_response,
}
