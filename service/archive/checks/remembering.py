"""What is remembered of a record, so that it can be compared with the others once all are read."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from service.archive.checks.acts import latest_finding
from service.archive.checks.ledger import Rows
from service.archive.checks.records import is_protected
from service.archive.evidence import check_citation, is_measure_of
from service.archive.fields import fields_of_record
from service.archive.identifiers import RecordType
from service.archive.model import Agent, Citation, Custom, Event, Record, Response, Source, Testimony
from service.archive.protected_names import private_names
from service.archive.transcripts import shown_name, words_digest
from service.archive.vocabularies import LATER


def passage_of(citation: Citation) -> tuple[int | None, int | None, str | None, float | None, bool]:
    """Return start, end and hash of a citation's passage if it is sound, the end of its time, and whether it quotes."""
    is_sound = citation.anchored and not any(check_citation(citation))
    return (
        citation.start if is_sound else None,
        citation.end if is_sound else None,
        citation.sha256 if is_sound else None,
        citation.time[1] if citation.time else None,
        citation.quote is not None,
    )


def _remember_files(rows: Rows, number: int, source: Source) -> None:
    for index, file in enumerate(source.files):
        at = f"/files/{index}"
        rows.add("named_file", source.id, file.name, file.public)
        if file.path is not None:
            rows.add("file", number, at, file.path, file.bytes, file.sha256, file.media_type)
        if file.public:
            rows.add("masked", number) if file.masked else rows.add("shown_file", number, at, source.id)


def _remember_source(rows: Rows, number: int, source: Source) -> None:
    _remember_parent("part_of", rows, number, source)
    _remember_files(rows, number, source)
    text = source.text
    content = text.content if text is not None else None
    if text is not None and content is not None and not is_measure_of(text, content):
        content = None  # told already: its passages would each say so again
    measures = (text.length, text.bytes, text.sha256) if text is not None else (None, None, None)
    is_record_or_report = source.type in {"court_record", "report"}
    for maker in {source.publisher, *source.creators} - {None}:
        rows.add("maker", source.id, maker)
    leads = ("text", "url", "archived_url", "identifiers")
    led = next((f"/{name}" for name in leads if getattr(source, name)), None)
    if source.masked:
        rows.add("masked", number)
    elif led is not None:
        rows.add("exposing", number, led)
    for redaction in source.redactions:
        rows.add("redaction", source.id, redaction.start, redaction.end)
    rows.add("source", source.id, number, source.verbatim, is_record_or_report, source.duration_s, *measures, content)


def _remember_agent(rows: Rows, number: int, agent: Agent) -> None:
    is_person = agent.kind == "person"
    names = [agent.name, *(part.name for part in agent.translations.values()), *(each.text for each in agent.names)]
    if is_person:
        rows.add("individual", number)
    for index, group in enumerate(agent.member_of):
        rows.add("membership", number, f"/member_of/{index}", agent.id, group)
        rows.add("later", agent.id, group, number, f"/member_of/{index}")
    if is_protected(agent):
        rows.add("person", number, is_person)
        for private in private_names({"private": agent.access.private}):
            rows.add("protected_name", agent.id, private, is_person)
    elif is_person:
        for name in names:
            if name is not None:
                rows.add("published_name", number, name)


def _remember_parent(field: str, rows: Rows, number: int, record: Record) -> None:
    if (parent := getattr(record, field)) is not None:
        rows.add("parent", record.id, number, f"/{field}", parent, 0)


def _remember_event(rows: Rows, number: int, event: Event) -> None:
    _remember_parent("part_of", rows, number, event)
    for index, act in enumerate(event.acts):
        if act.actor is not None:
            rows.add("accused", number, f"/acts/{index}/actor", event.id, act.actor)
        if act.status == "admitted":
            rows.add("claim", number, f"/acts/{index}/status", event.id, act.actor)
        held = latest_finding(act)
        if act.status == "established" and held is not None:
            at = f"/acts/{index}/findings/{act.findings.index(held)}"
            rows.add("established", number, at, held.body)
            for citation in held.citations:
                rows.add("proof", number, at, citation.source)


def _remember_testimony(rows: Rows, number: int, testimony: Testimony) -> None:
    _remember_parent("part_of", rows, number, testimony)
    if testimony.transcript:
        rows.add("spoken", testimony.id, number, *_spoken(testimony))
        for place, segment in enumerate(testimony.transcript):
            if segment.file is not None:
                rows.add("segment_file", number, f"/transcript/{place}/file", segment.file, testimony.id)
        for citation in testimony.citations:
            rows.add("transcript", number, citation.source)
        if not all(citation.masked for citation in testimony.citations):
            rows.add("exposing", number, "/transcript")


def _spoken(testimony: Testimony) -> tuple[str, bytes]:
    """Return the names of a transcript's segments, and the digests of their words, all in one."""
    segments = testimony.transcript
    names = [shown_name(testimony.id, number, each.id) for number, each in enumerate(segments, 1)]
    return "\n".join(names), b"".join([words_digest(each.text) for each in segments])


def _remember_response(rows: Rows, number: int, response: Response) -> None:
    for subject in response.about:
        rows.add("answer", number, response.party, response.kind, subject)


_REMEMBER: Mapping[RecordType, Callable[[Rows, int, Any], None]] = {
    "source": _remember_source,
    "agent": _remember_agent,
    "place": partial(_remember_parent, "part_of"),
    "topic": partial(_remember_parent, "broader"),
    "event": _remember_event,
    "testimony": _remember_testimony,
    "statistic": partial(_remember_parent, "relative_to"),
    "response": _remember_response,
}


def _remember_addresses(rows: Rows, number: int, record: Record) -> None:
    """Remember addresses in own fields of agents and sources: they lead to whom, or to what, the record is about."""
    if record.record == "agent" or (isinstance(record, Source) and not record.masked):
        for each in fields_of_record(type(record)).own:
            if each.is_address and getattr(record.custom, each.name):
                rows.add("exposing", number, f"/custom/{each.name}")


def remember(rows: Rows, number: int, record: Record) -> None:
    """Remember what comparing will need of one record, the piece of the file with this number, by its type."""
    if isinstance(record.custom, Custom) and record.custom.model_fields_set:
        _remember_addresses(rows, number, record)
    if (remember_type := _REMEMBER.get(record.record)) is not None:
        remember_type(rows, number, record)
    for index, relation in enumerate(getattr(record, "relations", ())):
        rows.add("related", number, relation.to)
        if relation.type in LATER:
            rows.add("later", record.id, relation.to, number, f"/relations/{index}/to")
