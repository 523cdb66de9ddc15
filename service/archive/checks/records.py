"""The rules that one record can be judged by alone, once it has its shape."""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from typing import Any
from unicodedata import normalize

from service.archive.access import is_public
from service.archive.checks.acts import misstated
from service.archive.checks.citations import citations_of
from service.archive.checks.figures import check_statistic
from service.archive.dates import parse_day, parse_edtf
from service.archive.evidence import BLANK, check_citation, is_measure_of
from service.archive.identifiers import PREFIXES, RecordType
from service.archive.model import (
    Access,
    Agent,
    Consent,
    Event,
    Head,
    Place,
    Record,
    Response,
    Segment,
    Source,
    Testimony,
)
from service.archive.own_fields import Declarations, check_declarations
from service.archive.reading import Finding, join_pointer
from service.archive.transcripts import names_of
from service.archive.vocabularies import LATER


def is_hidden(access: Access, *, today: date) -> bool:
    """Tell whether a record is restricted, under an embargo that ends after `today`, or not consented to be public."""
    return not is_public(access, today=today)


def is_protected(record: Record) -> bool:
    """Tell whether this is an agent whom nothing published may name. Somebody `unknown` has no name to protect."""
    return isinstance(record, Agent) and record.name_policy in {"pseudonym", "withheld"}


#: What a person can write to: an address of mail or web.
_ADDRESS = re.compile(r"[^\s@]+@[^\s@]+\.\w|https?://\S|\bwww\.\S|\+\d[\d ()-]{6,}")


def check_head(head: Head) -> Iterator[Finding]:
    """Yield what is wrong with the head by itself; pointers are within it."""
    if not _ADDRESS.search(head.contact):
        yield Finding(
            "contact_without_address",
            "/contact",
            "`contact` holds no address of mail or web: somebody in danger could not reach you.",
        )
    yield from check_declarations(Declarations.model_construct(vocabularies=head.vocabularies, fields=head.fields))


def check_record(record: Record, *, today: date) -> Iterator[Finding]:
    """Yield what is wrong with a record by itself, as of a day in UTC; pointers are within it."""
    prefix = PREFIXES[record.record]
    if not record.id.startswith(f"{prefix}-"):
        yield Finding("invalid_id", "/id", f"The id of this record must begin with {prefix}-.")
    access = record.access
    if (access.visibility == "embargoed") != (access.embargo_until is not None):
        yield Finding(
            "invalid_embargo", "/access", "`embargo_until` is required for `embargoed`, and for nothing else."
        )
    if access.consent is not None:
        yield from _check_consent(access.consent)
    if isinstance(record, Testimony) and is_public(access, today=today):
        yield from _check_footing(access)
    for at, citation in citations_of(record):
        for found in check_citation(citation):
            yield Finding(found.code, at + found.pointer, found.detail)
    for index, relation in enumerate(getattr(record, "relations", ())):
        # That a record comes after itself is told as a circle.
        if relation.to == record.id and relation.type not in LATER:
            yield Finding("invalid_value", f"/relations/{index}/to", "`to` must name another record.")
    if (rule := _RECORD_RULES.get(record.record)) is not None:
        yield from rule(record)


def _check_consent(consent: Consent) -> Iterator[Finding]:
    given, ends = consent.given, consent.expires
    if given is not None and ends is not None and parse_day(ends) <= parse_day(given):
        yield Finding("reversed_interval", "/access/consent", "The consent expires before it holds for a day.")


def _check_footing(access: Access) -> Iterator[Finding]:
    if access.consent_basis is None:
        yield Finding("missing_consent", "", "`access.consent_basis` is required: on what footing is it public?")
    elif access.consent_basis == "none_recorded":
        detail = "Without a recorded consent, a testimony cannot be public."
        yield Finding("missing_consent", "/access/consent_basis", detail)


def _check_source(source: Source) -> Iterator[Finding]:
    yield from _check_files(source)
    yield from _check_redactions(source)
    if source.text is None or source.text.content is None:
        return
    if not source.verbatim:
        yield Finding("verbatim_not_permitted", "/text/content", "The text is given, but `verbatim` is false.")
    if not is_measure_of(source.text, source.text.content):
        yield Finding("invalid_hash", "/text", "`length`, `bytes` or `sha256` is not that of `content`.")


def _check_files(source: Source) -> Iterator[Finding]:
    named: set[str] = set()
    for index, file in enumerate(source.files):
        if file.path is None and file.url is None:
            yield Finding("missing_field", f"/files/{index}", "`path` or `url` is required.")
        # Names that look the same are the same, however their letters are written.
        name = normalize("NFC", file.name)
        if name in named:
            yield Finding("invalid_value", f"/files/{index}/name", "Another file of the source has this `name`.")
        named.add(name)


def _check_redactions(source: Source) -> Iterator[Finding]:
    content = None if source.text is None else source.text.content
    for index, redaction in enumerate(source.redactions):
        at, start, end = f"/redactions/{index}", redaction.start, redaction.end
        if source.text is None or not start < end <= source.text.length:
            detail = "A redaction ends after its start, within the text of the source."
            yield Finding("passage_out_of_range", f"{at}/end", detail)
        elif content is not None and content[start:end].strip(BLANK):
            detail = f"The passage still holds words: every character of it must be {BLANK} (U+2588)."
            yield Finding("invalid_value", at, detail)


def _check_agent(agent: Agent) -> Iterator[Finding]:
    yield from _check_life(agent)
    if agent.name_policy == "published":
        if agent.name is None:
            yield Finding("missing_field", "", "`name` is required where the name is published.")
        return
    if agent.label is None:
        yield Finding("missing_field", "", "`label` is required, to be shown instead of the name.")
    names = [("/name", agent.name)]
    names += [(join_pointer(["translations", tag, "name"]), part.name) for tag, part in agent.translations.items()]
    names += [(f"/names/{index}", each.text) for index, each in enumerate(agent.names)]
    for at, name in names:
        if name is not None:
            detail = f"A name is given, but `name_policy` is {agent.name_policy}. Use `label`."
            yield Finding("protected_name_present" if is_protected(agent) else "invalid_value", at, detail)
    if is_protected(agent):
        for field in IDENTIFYING:
            if getattr(agent, field):
                detail = (
                    f"`{field}` would tell who this is, but `name_policy` is {agent.name_policy}: keep it in `private`."
                )
                yield Finding("identifying_detail", f"/{field}", detail)


#: What tells who an agent is without a name: entries in catalogues of others, and the days of a life.
IDENTIFYING = ("identifiers", "exact_match", "birth", "death")


def _check_life(agent: Agent) -> Iterator[Finding]:
    if agent.birth is None or agent.death is None:
        return
    born, died = parse_edtf(agent.birth).earliest, parse_edtf(agent.death).latest
    if born is not None and died is not None and died < born:
        yield Finding("reversed_interval", "/death", "`death` must not lie before `birth`.")


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

    for index, act in enumerate(event.acts):
        if (detail := misstated(act)) is not None:
            yield Finding("unsupported_status", f"/acts/{index}/status", detail)


def _check_testimony(testimony: Testimony) -> Iterator[Finding]:
    if len({citation.source for citation in testimony.citations}) == 1:
        yield Finding("single_source", "/citations", "This testimony rests on one source.")
    names: set[str] = set()
    for index, segment in enumerate(testimony.transcript):
        own = names_of(testimony.id, index + 1, segment.id)
        if not names.isdisjoint(own):
            yield Finding("duplicate_id", f"/transcript/{index}", "Another segment before it has the same name.")
        names.update(own)
        for found in _check_segment(segment):
            yield Finding(found.code, f"/transcript/{index}{found.pointer}", found.detail)
    for index, entry in enumerate(testimony.index):
        if entry.segment is not None and entry.segment not in names:
            yield Finding("dangling_reference", f"/index/{index}/segment", "The transcript has no such segment.")


def _check_segment(segment: Segment) -> Iterator[Finding]:
    if segment.start_s is not None and segment.end_s is not None and segment.end_s < segment.start_s:
        yield Finding("invalid_value", "/end_s", "`end_s` must not be before `start_s`.")
    if segment.redacted is None:
        if segment.text is None:
            yield Finding("missing_field", "", "`text` is required, or `redacted` in its place.")
    elif segment.text is not None:
        yield Finding("invalid_value", "/text", "A segment that is `redacted` must have no `text`.")
    elif segment.translations:
        yield Finding("invalid_value", "/translations", "A segment that is `redacted` must have no translation.")


def _check_response(response: Response) -> Iterator[Finding]:
    if response.kind == "referred" and response.referred_to is None:
        yield Finding("missing_referral", "", "`referred_to` is required: the kind is referred.")
    if response.kind != "referred" and response.referred_to is not None:
        yield Finding("invalid_value", "/referred_to", "`referred_to` is only for the kind referred.")


# Each takes records of its own type only, which is more than the type of a table can say.
_RECORD_RULES: Mapping[RecordType, Callable[[Any], Iterator[Finding]]] = {
    "source": _check_source,
    "agent": _check_agent,
    "place": _check_place,
    "event": _check_event,
    "testimony": _check_testimony,
    "statistic": check_statistic,
    "response": _check_response,
}
