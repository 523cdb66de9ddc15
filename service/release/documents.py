"""From a public record to the document it is served as, and the shapes of those documents.

The shapes are typed dictionaries: the renderers below are checked against them, and the API describes itself with them.
A record has the archive's fields under the archive's names, all of them always present. References carry labels, dates
their bounds, citations their evidence, so that a list can be drawn without a second request.
"""

from collections.abc import Callable, Iterable
from functools import cache
from typing import Any, Literal, Protocol, get_args

from typing_extensions import TypedDict

from service.archive.dates import parse_edtf
from service.archive.model import RECORD_MODELS, RecordType
from service.release.projection import PublicRecord

# --- Shapes that records share ------------------------------------------------------------------------------------


class Reference(TypedDict):
    """Another record: its identifier and the name, title or label that may be shown."""

    id: str
    label: str


class SourceReference(Reference):
    publisher: Reference | None


class PlaceReference(Reference):
    """`country` is ISO 3166-1 alpha-2: the place's own, or that of the nearest place around it that states one."""

    country: str | None


class DateDocument(TypedDict):
    """A date as stated (EDTF) and the days it lies between, inclusive; null where unbounded or unknown."""

    edtf: str | None
    earliest: str | None
    latest: str | None
    note: str | None


class CitationDocument(TypedDict):
    """One claim's evidence: anchored (offsets in code points, end exclusive, and hash), located (page or time in
    seconds) or cited (the source alone).
    """

    source: SourceReference
    evidence: Literal["anchored", "located", "cited"]
    start: int | None
    end: int | None
    sha256: str | None
    page: int | str | None
    time: list[float] | None
    quote: str | None
    note: str | None


class AccessDocument(TypedDict):
    visibility: Literal["public"]
    consent_basis: Literal["direct", "published_source", "guardian", "none_recorded"] | None


class RecordDocument(TypedDict):
    """What every record has. `version` counts the releases that changed it, `updated_at` is when the last did.
    `language_of` names the language (BCP 47) of each text field that is stated, as it is shown here; labels of other
    records, acts and citations are shown as they stand in the archive.
    """

    id: str
    version: int
    updated_at: str
    access: AccessDocument
    translations: dict[str, dict[str, str | list[str]]]
    language_of: dict[str, str]


# --- Records ------------------------------------------------------------------------------------------------------


class SourceTextDocument(TypedDict):
    """Measures of a source's text, to check a copy against: code points, bytes in UTF-8, SHA-256 of the bytes."""

    length: int
    bytes: int
    sha256: str


class SourceDocument(RecordDocument):
    record: Literal["source"]
    type: str
    title: str
    publisher: Reference | None
    creators: list[Reference]
    language: str
    published: DateDocument | None
    url: str | None
    archived_url: str | None
    retrieved: str | None
    rights: str
    verbatim: bool
    text: SourceTextDocument | None
    has_text: bool
    duration_s: float | None
    content_warnings: list[str]


class AgentDocument(RecordDocument):
    record: Literal["agent"]
    kind: Literal["person", "group", "organisation"]
    name_policy: Literal["published", "pseudonym", "withheld", "unknown"]
    name: str | None
    label: str | None
    description: str | None
    age_stated: int | None
    citations: list[CitationDocument]


class PlaceDocument(RecordDocument):
    record: Literal["place"]
    name: str
    kind: str
    part_of: PlaceReference | None
    country: str | None
    latitude: float | None
    longitude: float | None
    radius_m: float | None


class TopicDocument(RecordDocument):
    record: Literal["topic"]
    label: str
    broader: Reference | None
    description: str | None
    exact_match: list[str]


class ParticipantDocument(TypedDict):
    agent: Reference
    role: str


class ActResponseDocument(TypedDict):
    """What the actor of an act answered, shown beside what is said of them."""

    id: str
    kind: str
    subject: str | None
    summary: str | None
    date: DateDocument | None
    asked_by: Reference | None
    referred_to: Reference | None


class ActFindingDocument(TypedDict):
    """What a court or another body found of an act."""

    body: Reference
    outcome: Literal["established", "not_established", "acquitted", "annulled", "upheld"]
    date: DateDocument | None
    final: bool
    citations: list[CitationDocument]


class ActDocument(TypedDict):
    type: str
    description: str | None
    victim: Reference | None
    actor: Reference | None
    status: Literal["alleged", "reported", "admitted", "established", "rejected"]
    asserted_by: Reference
    citations: list[CitationDocument]
    findings: list[ActFindingDocument]
    responses: list[ActResponseDocument]


class EventDocument(RecordDocument):
    record: Literal["event"]
    type: str
    title: str
    summary: str | None
    date: DateDocument
    date_note: str | None
    place: PlaceReference | None
    topics: list[Reference]
    participants: list[ParticipantDocument]
    acts: list[ActDocument]
    part_of: Reference | None
    content_warnings: list[str]
    citations: list[CitationDocument]


class TestimonyDocument(RecordDocument):
    record: Literal["testimony"]
    title: str
    summary: str
    witness: Reference
    events: list[Reference]
    place: PlaceReference | None
    topics: list[Reference]
    language: str
    original_language: str | None
    given: DateDocument | None
    reported_by: Reference | None
    attribution: Literal["first_person", "labelled", "contextual"]
    hearsay: list[Reference]
    content_warnings: list[str]
    has_transcript: bool
    citations: list[CitationDocument]


class SegmentDocument(TypedDict):
    """A stretch of a transcript, in seconds from the start of the recording; null where not stated."""

    id: str
    start_s: float | None
    end_s: float | None
    speaker: str | None
    text: str


class StatisticDocument(RecordDocument):
    record: Literal["statistic"]
    title: str
    population: str
    unit: str
    as_stated: str
    qualifier: str
    value: float | None
    lower: float | None
    upper: float | None
    lower_inclusive: bool
    upper_inclusive: bool
    bounds_basis: Literal["stated", "derived", "convention", "none"]
    relative_to: Reference | None
    period: DateDocument | None
    stated_on: DateDocument | None
    place: PlaceReference | None
    topics: list[Reference]
    asserted_by: Reference
    reported_by: Reference | None
    method: str | None
    content_warnings: list[str]
    citations: list[CitationDocument]


class ResponseDocument(RecordDocument):
    record: Literal["response"]
    party: Reference
    kind: str
    referred_to: Reference | None
    via: Reference | None
    asked_by: Reference | None
    about: list[Reference]
    subject: str | None
    summary: str | None
    date: DateDocument | None
    citations: list[CitationDocument]


# --- Rendering ----------------------------------------------------------------------------------------------------


class Surroundings(Protocol):
    """What a renderer asks about the archive and other public records in it."""

    #: The archive's own language.
    language: str

    def label(self, record_id: str) -> str:
        """Return the name, title or label that may be shown of a public record."""

    def publisher(self, source_id: str) -> str | None:
        """Return the identifier of a source's publisher."""

    def country(self, place_id: str) -> str | None:
        """Return a place's country: its own, or that of the nearest place around it that states one."""

    def responses_of(self, agent_id: str, event_id: str) -> list[PublicRecord]:
        """Return the responses whose party is `agent_id`, by identifier, less those that are about other events only."""


def shown_label(public: PublicRecord) -> str:
    """Return what other records show of this one: for an agent whose name is not published, the label."""
    record: RecordType = public["record"]
    if record == "agent":
        return str(public["name"] if public["name_policy"] == "published" else public["label"])
    if record == "response":
        return str(public.get("subject") or public["kind"].replace("_", " "))
    return str(public[{"place": "name", "topic": "label"}.get(record, "title")])


@cache
def text_fields(record: RecordType) -> tuple[str, ...]:
    """Return the fields of a record type that can be translated: its own texts."""
    translation = get_args(RECORD_MODELS[record].model_fields["translations"].annotation)[1]
    return tuple(translation.model_fields)


def own_language(public: PublicRecord, archive_language: str) -> str:
    """Return the language that a record's text fields are written in: a source's title is in the source's language, all
    else is in the archive's own words. A testimony's `language` is that of what was said, its transcript.
    """
    return str(public["language"]) if public["record"] == "source" else archive_language


def _day(value: object) -> str | None:
    return None if value is None else str(value)


def date_document(edtf: str | None, note: str | None = None) -> DateDocument:
    """Return a date with its bounds; all but the note null where `edtf` is None."""
    if edtf is None:
        return {"edtf": None, "earliest": None, "latest": None, "note": note}
    span = parse_edtf(edtf)
    return {"edtf": edtf, "earliest": _day(span.earliest), "latest": _day(span.latest), "note": note}


def evidence_of(citation: dict[str, Any]) -> Literal["anchored", "located", "cited"]:
    """Return how closely a citation names its passage: by offsets and hash, by page or time, or not at all."""
    if "sha256" in citation:
        return "anchored"
    return "located" if "page" in citation or "time" in citation else "cited"


class _Renderer:
    """Renders one archive's records. Holds the surroundings, so that the functions below read as plain tables."""

    def __init__(self, around: Surroundings) -> None:
        self.around = around

    def ref(self, record_id: str) -> Reference:
        return {"id": record_id, "label": self.around.label(record_id)}

    def maybe(self, record_id: str | None) -> Reference | None:
        return None if record_id is None else self.ref(record_id)

    def refs(self, record_ids: Iterable[str]) -> list[Reference]:
        return [self.ref(record_id) for record_id in record_ids]

    def source(self, record_id: str) -> SourceReference:
        publisher = self.maybe(self.around.publisher(record_id))
        return {"id": record_id, "label": self.around.label(record_id), "publisher": publisher}

    def place(self, record_id: str | None) -> PlaceReference | None:
        if record_id is None:
            return None
        country = self.around.country(record_id)
        return {"id": record_id, "label": self.around.label(record_id), "country": country}

    def citations(self, citations: list[dict[str, Any]]) -> list[CitationDocument]:
        return [
            {
                "source": self.source(citation["source"]),
                "evidence": evidence_of(citation),
                "start": citation.get("start"),
                "end": citation.get("end"),
                "sha256": citation.get("sha256"),
                "page": citation.get("page"),
                "time": citation.get("time"),
                "quote": citation.get("quote"),
                "note": citation.get("note"),
            }
            for citation in citations
        ]

    def act(self, act: dict[str, Any], event_id: str) -> ActDocument:
        actor = act.get("actor")
        return {
            "type": act["type"],
            "description": act.get("description"),
            "victim": self.maybe(act.get("victim")),
            "actor": self.maybe(actor),
            "status": act["status"],
            "asserted_by": self.ref(act["asserted_by"]),
            "citations": self.citations(act["citations"]),
            "findings": [
                {
                    "body": self.ref(finding["body"]),
                    "outcome": finding["outcome"],
                    "date": _maybe_date(finding.get("date")),
                    "final": finding.get("final", False),
                    "citations": self.citations(finding["citations"]),
                }
                for finding in act.get("findings", [])
            ],
            "responses": [] if actor is None else self.act_responses(actor, event_id),
        }

    def act_responses(self, actor: str, event_id: str) -> list[ActResponseDocument]:
        """Return the actor's responses, less those that are about other events only: a denial of something else,
        shown here, would read as a denial of this.
        """
        return [
            {
                "id": response["id"],
                "kind": response["kind"],
                "subject": response.get("subject"),
                "summary": response.get("summary"),
                "date": _maybe_date(response.get("date")),
                "asked_by": self.maybe(response.get("asked_by")),
                "referred_to": self.maybe(response.get("referred_to")),
            }
            for response in self.around.responses_of(actor, event_id)
        ]


def _maybe_date(edtf: str | None) -> DateDocument | None:
    return None if edtf is None else date_document(edtf)


# Each function below returns a record's own fields; `render_document` adds those that every record has. A test
# validates the whole against the shapes above.


def _source(public: PublicRecord, to: _Renderer) -> dict[str, Any]:
    text = public.get("text")
    return {
        "type": public["type"],
        "title": public["title"],
        "publisher": to.maybe(public.get("publisher")),
        "creators": to.refs(public.get("creators", [])),
        "language": public["language"],
        "published": _maybe_date(public.get("published")),
        "url": public.get("url"),
        "archived_url": public.get("archived_url"),
        "retrieved": public.get("retrieved"),
        "rights": public["rights"],
        "verbatim": public.get("verbatim", False),
        "text": None if text is None else {key: text[key] for key in ("length", "bytes", "sha256")},
        "has_text": text is not None and "content" in text,
        "duration_s": public.get("duration_s"),
        "content_warnings": public.get("content_warnings", []),
    }


def _agent(public: PublicRecord, to: _Renderer) -> dict[str, Any]:
    return {
        "kind": public["kind"],
        "name_policy": public["name_policy"],
        "name": public.get("name"),
        "label": public.get("label"),
        "description": public.get("description"),
        "age_stated": public.get("age_stated"),
        "citations": to.citations(public.get("citations", [])),
    }


def _place(public: PublicRecord, to: _Renderer) -> dict[str, Any]:
    return {
        "name": public["name"],
        "kind": public["kind"],
        "part_of": to.place(public.get("part_of")),
        "country": public.get("country"),
        "latitude": public.get("latitude"),
        "longitude": public.get("longitude"),
        "radius_m": public.get("radius_m"),
    }


def _topic(public: PublicRecord, to: _Renderer) -> dict[str, Any]:
    return {
        "label": public["label"],
        "broader": to.maybe(public.get("broader")),
        "description": public.get("description"),
        "exact_match": public.get("exact_match", []),
    }


def _event(public: PublicRecord, to: _Renderer) -> dict[str, Any]:
    return {
        "type": public["type"],
        "title": public["title"],
        "summary": public.get("summary"),
        "date": date_document(public["date"], public.get("date_note")),
        "date_note": public.get("date_note"),
        "place": to.place(public.get("place")),
        "topics": to.refs(public.get("topics", [])),
        "participants": [
            {"agent": to.ref(participant["agent"]), "role": participant["role"]}
            for participant in public.get("participants", [])
        ],
        "acts": [to.act(act, public["id"]) for act in public.get("acts", [])],
        "part_of": to.maybe(public.get("part_of")),
        "content_warnings": public.get("content_warnings", []),
        "citations": to.citations(public["citations"]),
    }


def _testimony(public: PublicRecord, to: _Renderer) -> dict[str, Any]:
    return {
        "title": public["title"],
        "summary": public["summary"],
        "witness": to.ref(public["witness"]),
        "events": to.refs(public.get("events", [])),
        "place": to.place(public.get("place")),
        "topics": to.refs(public.get("topics", [])),
        "language": public["language"],
        "original_language": public.get("original_language"),
        "given": _maybe_date(public.get("given")),
        "reported_by": to.maybe(public.get("reported_by")),
        "attribution": public["attribution"],
        "hearsay": to.refs(public.get("hearsay", [])),
        "content_warnings": public.get("content_warnings", []),
        "has_transcript": bool(public.get("transcript")),
        "citations": to.citations(public["citations"]),
    }


def _statistic(public: PublicRecord, to: _Renderer) -> dict[str, Any]:
    return {
        "title": public["title"],
        "population": public["population"],
        "unit": public["unit"],
        "as_stated": public["as_stated"],
        "qualifier": public["qualifier"],
        "value": public.get("value"),
        "lower": public.get("lower"),
        "upper": public.get("upper"),
        "lower_inclusive": public.get("lower_inclusive", True),
        "upper_inclusive": public.get("upper_inclusive", True),
        "bounds_basis": public["bounds_basis"],
        "relative_to": to.maybe(public.get("relative_to")),
        "period": _maybe_date(public.get("period")),
        "stated_on": _maybe_date(public.get("stated_on")),
        "place": to.place(public.get("place")),
        "topics": to.refs(public.get("topics", [])),
        "asserted_by": to.ref(public["asserted_by"]),
        "reported_by": to.maybe(public.get("reported_by")),
        "method": public.get("method"),
        "content_warnings": public.get("content_warnings", []),
        "citations": to.citations(public["citations"]),
    }


def _response(public: PublicRecord, to: _Renderer) -> dict[str, Any]:
    return {
        "party": to.ref(public["party"]),
        "kind": public["kind"],
        "referred_to": to.maybe(public.get("referred_to")),
        "via": to.maybe(public.get("via")),
        "asked_by": to.maybe(public.get("asked_by")),
        "about": to.refs(public.get("about", [])),
        "subject": public.get("subject"),
        "summary": public.get("summary"),
        "date": _maybe_date(public.get("date")),
        "citations": to.citations(public["citations"]),
    }


_FIELDS: dict[RecordType, Callable[[PublicRecord, _Renderer], dict[str, Any]]] = {
    "source": _source,
    "agent": _agent,
    "place": _place,
    "topic": _topic,
    "event": _event,
    "testimony": _testimony,
    "statistic": _statistic,
    "response": _response,
}

#: The shape of each record type's document.
DOCUMENTS: dict[RecordType, type] = {
    "source": SourceDocument,
    "agent": AgentDocument,
    "place": PlaceDocument,
    "topic": TopicDocument,
    "event": EventDocument,
    "testimony": TestimonyDocument,
    "statistic": StatisticDocument,
    "response": ResponseDocument,
}


def render_document(public: PublicRecord, around: Surroundings) -> dict[str, Any]:
    """Return the document of `public`, complete but for `version` and `updated_at`, which depend on the release."""
    fields = _FIELDS[public["record"]](public, _Renderer(around))
    consent_basis = public.get("access", {}).get("consent_basis")
    language = own_language(public, around.language)
    return {
        "record": public["record"],
        "id": public["id"],
        **fields,
        "translations": public.get("translations", {}),
        "language_of": {
            # A source's title is in its own language; what warns of it is in the archive's.
            field: around.language if field == "content_warnings" else language
            for field in text_fields(public["record"])
            if fields[field] not in (None, [])
        },
        "access": {"visibility": "public", "consent_basis": consent_basis},
    }
