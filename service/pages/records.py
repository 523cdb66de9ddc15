"""The page of one record: the record itself, and what stands around it in the archive, so that it reads as one."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from service.archive.identifiers import PREFIXES, RECORD_OF
from service.catalogue.languages import languages_of, spoken_in
from service.errors import NotFound, Withdrawn
from service.pages.citing import citation_text, linked_data
from service.pages.figures import charts_of
from service.pages.reader import Document, Few, Reader, collection_of
from service.pages.recordings import heard_in, pictures_of, recordings_of
from service.pages.source_texts import source_context
from service.pages.views import View

#: Records of a kind shown on the page of another; the whole list is one link away.
SHOWN = 10
#: The same where a page has a list of each collection: a source, a person, a place, a topic.
SHOWN_OF_EACH = 5
#: Figures of a series shown on the page of one of them: ten years of months.
SERIES_SHOWN = 120

Context = dict[str, Any]


def record_view(reader: Reader, collection: str, record_id: str) -> View:
    """Return the page of a record. Raises NotFound or Withdrawn.

    Context of every record: `record`, `name`, `cite` (how to cite it), `linked_data` (schema.org as JSON), `checkable` (whether a citation
    names a passage that a copy can be checked against), `sources` (those cited, by identifier); and what its own function adds.
    """
    document = find_record(reader, collection, record_id)
    name = reader.name(document)
    citations = list(citations_of(document))
    sources = reader.documents(each["source"]["id"] for each in citations)
    context = {
        "record": document,
        "name": name,
        "cite": citation_text(reader, document),
        "linked_data": linked_data(reader, document),
        "sources": sources,
        "checkable": any(each["evidence"] == "anchored" for each in citations),
        **_AROUND[document["record"]](reader, document),
    }
    reader.relabel(context)
    path = f"/{collection}/{record_id}"
    address = reader.api(path)
    return View(
        f"{document['record']}.html",
        name,
        context,
        api=(path, []),
        alternates=[("application/json", "JSON", address)],
        cite_as=f"{reader.base}{path}",
    )


def find_record(reader: Reader, collection: str, record_id: str) -> Document:
    """Return the record that an address names. Raises NotFound or Withdrawn."""
    belongs = record_id.startswith(f"{PREFIXES[RECORD_OF[collection]]}-")
    document = reader.catalogue.document(record_id) if belongs else None
    if document is not None:
        return reader.read(document)
    day = reader.catalogue.withdrawn_on(record_id) if belongs else None
    if day is not None:
        raise Withdrawn(f"{record_id} was withdrawn on {day}.", members={"id": record_id, "on": day})
    raise NotFound(f"There is no public record with this identifier among the {collection}.")


def citations_of(part: object) -> Iterator[dict[str, Any]]:
    """Yield every citation in a record or a part of one, in the order in which they stand."""
    if isinstance(part, dict):
        yield from part.get("citations", ())
        for name, value in part.items():
            if name != "citations":
                yield from citations_of(value)
    elif isinstance(part, list):
        for each in part:
            yield from citations_of(each)


def _naming(reader: Reader, document: Document, collection: str, name: str, limit: int = SHOWN) -> Few:
    """Return the first records that have this one as the value of a filter. A list is only looked for where there can be one:
    some record of the collection names this one, or another of its kind does, and so may lie below it. That an event is
    claimed to have happened at a place is not counted among what names the place.
    """
    named_by = document["referred_by"]
    if name != "place" and not named_by[collection] and not named_by[collection_of(document["id"])]:
        return Few([], 0, "")
    return reader.few(collection, limit, **{name: document["id"]})


# --- What stands around a record, by its type -------------------------------------------------------------------------


def _testimony(reader: Reader, testimony: Document) -> Context:
    """`events` (with their acts and what was answered), `sessions` (of this interview, few), `transcript` (segments, as the reader
    wishes to read them, and the languages there are; or None), `recorded` (the first source cited that can be played here, or None)
    and its `recordings`, `others` (testimonies of the same events), `answers` (responses that are about this testimony), `anchor`
    (gives the anchor of a segment), `heard_in` (gives the recording that a segment is heard in).
    """
    events = reader.documents(each["id"] for each in testimony["events"])
    transcript = _transcript(reader, testimony["id"])
    recorded = _recorded(reader, testimony) if transcript is not None else None
    return {
        "recorded": recorded,
        "recordings": [] if recorded is None else recordings_of(recorded),
        "events": [events[each["id"]] for each in testimony["events"] if each["id"] in events],
        "sessions": _naming(reader, testimony, "testimonies", "part_of"),
        "transcript": transcript,
        "anchor": anchor_of,
        "heard_in": heard_in,
        "others": _others(reader, testimony),
        "answers": _naming(reader, testimony, "responses", "about"),
    }


def _recorded(reader: Reader, testimony: Document) -> Document | None:
    names = [each["source"]["id"] for each in testimony["citations"]]
    sources = reader.documents(names)
    return next((sources[name] for name in names if name in sources and recordings_of(sources[name])), None)


def _transcript(reader: Reader, testimony: str) -> Context | None:
    found = reader.catalogue.transcript(testimony)
    if found is None:
        return None
    _, segments = found
    return {
        "segments": spoken_in(segments, reader.wishes, partial(reader.catalogue.called, wishes=reader.wishes)),
        "languages": languages_of(segments),
    }


def anchor_of(testimony: str, segment: str) -> str:
    """Return the anchor of a segment on its testimony's page, where other things have anchors too."""
    return segment if segment.startswith(f"{testimony}-") else f"{testimony}-{segment}"


def _others(reader: Reader, testimony: Document) -> list[Document]:
    """Return the other testimonies of a testimony's events, each once."""
    found: dict[str, Document] = {}
    for event in testimony["events"][:SHOWN]:
        for each in reader.few("testimonies", SHOWN + 1, event=event["id"]).documents:
            found.setdefault(each["id"], each)
    found.pop(testimony["id"], None)
    return list(found.values())[:SHOWN]


def _event(reader: Reader, event: Document) -> Context:
    """`testimonies`, `figures`, `answers`: few of each."""
    return {
        "figures": _naming(reader, event, "statistics", "event"),
        "testimonies": _naming(reader, event, "testimonies", "event"),
        "answers": _naming(reader, event, "responses", "about"),
    }


def _statistic(reader: Reader, statistic: Document) -> Context:
    """`charts` (this figure alone), `series` (the figures of its series by the time they cover, or None), `parts_of` (figures
    stated as a part of it), `answers`.
    """
    named = statistic["series"]
    return {
        "series": None if named is None else reader.few("statistics", SERIES_SHOWN, series=named, sort="period"),
        "charts": charts_of([statistic], reader.words),
        "parts_of": _naming(reader, statistic, "statistics", "relative_to"),
        "answers": _naming(reader, statistic, "responses", "about"),
    }


def _response(reader: Reader, response: Document) -> Context:
    """`subjects` (what it is about, as records)."""
    found = reader.documents(each["id"] for each in response["about"])
    return {"subjects": [found[each["id"]] for each in response["about"] if each["id"] in found]}


def _source(reader: Reader, source: Document) -> Context:
    """`text`, `recordings`, `pictures`, `lists`."""
    shown = {"recordings": recordings_of(source), "pictures": pictures_of(source)}
    return {
        **source_context(reader, source),
        **shown,
        "lists": _lists(reader, source, "source", without="sources"),
    }


def _agent(reader: Reader, agent: Document) -> Context:
    """`lists`: what this agent said, took part in, stated, answered and published; `members`: who belongs to it."""
    asked = (
        ("testimonies", "witness"),
        ("events", "participant"),
        ("statistics", "asserted_by"),
        ("responses", "party"),
        ("sources", "publisher"),
    )
    found = ((collection, _naming(reader, agent, collection, name, SHOWN_OF_EACH)) for collection, name in asked)
    return {
        "lists": [(collection, few) for collection, few in found if few.total],
        "members": _naming(reader, agent, "agents", "member_of"),
    }


def _place(reader: Reader, place: Document) -> Context:
    return {"lists": _lists(reader, place, "place")}


def _topic(reader: Reader, topic: Document) -> Context:
    """`narrower`: topics directly below; `lists`."""
    return {
        "narrower": _naming(reader, topic, "topics", "broader", 100),
        "lists": _lists(reader, topic, "topic", without="topics"),
    }


def _lists(reader: Reader, document: Document, name: str, *, without: str = "") -> list[tuple[str, Few]]:
    """Return the collections in which other records have this one as the value of a filter: the first of them, and how many."""
    found = []
    for collection, model in reader.catalogue.criteria.items():
        if collection == without or name not in model.FACETS:
            continue
        few = _naming(reader, document, collection, name, SHOWN_OF_EACH)
        shown = [each for each in few.documents if each["id"] != document["id"]]
        if shown:
            found.append((collection, Few(shown, few.total - (len(few.documents) - len(shown)), few.href)))
    return found


_AROUND: dict[str, Callable[[Reader, Document], Context]] = {
    "testimony": _testimony,
    "event": _event,
    "statistic": _statistic,
    "response": _response,
    "source": _source,
    "agent": _agent,
    "place": _place,
    "topic": _topic,
}
