"""The search across collections, with what a reader may have meant to type."""

from itertools import islice
from typing import Any

from markupsafe import Markup, escape

from service.catalogue.criteria import SearchCriteria, SuggestCriteria
from service.catalogue.excerpts import Excerpt
from service.catalogue.parameters import read_criteria
from service.errors import InvalidParameters
from service.pages.lists import active_filters, asked, facet_views
from service.pages.reader import Reader
from service.pages.records import anchor_of
from service.pages.views import View

#: Completions offered below the field.
SUGGESTIONS = 5
#: Values of a facet beside the hits.
_FACETS = [("facets", "topic,place"), ("facet_limit", "10"), ("facet_mode", "others")]


def search_view(reader: Reader, _name: str) -> View:
    """Return the search. Raises InvalidParameters, InvalidCursor, TooDeep.

    Context: `q`, `suggestions`, `did_you_mean` (the query and its address, or None), `hits` (record, its title as HTML where words of it are marked, excerpts as HTML), `total`, `collections_found` (name, count, address, whether chosen),
    `active`, `facets`, `kept`, `next`, `prev`.
    """
    pairs = asked(reader.pairs)
    words = next((value for name, value in pairs if name == "q"), None)
    title = reader.words.text("Search")
    if words is None:
        return View("search.html", title, {"q": "", "suggestions": [], "hits": None}, api=("/search", []))
    criteria = read_criteria(SearchCriteria, [*pairs, *_FACETS])
    found = reader.catalogue.search(criteria)
    beside = [pair for pair in pairs if pair[0] != "cursor"]
    documents = reader.documents(hit.public["id"] for hit in found.hits)

    def at(cursor: str | None) -> str | None:
        return None if cursor is None else reader.href("/search", [*beside, ("cursor", cursor)])

    context = {
        "q": words,
        "suggestions": suggestions(reader, words),
        "did_you_mean": _did_you_mean(reader, found.did_you_mean, beside),
        "hits": [
            _hit(reader, documents[hit.public["id"]], hit.excerpts)
            for hit in found.hits
            if hit.public["id"] in documents
        ],
        "total": found.total,
        "collections_found": _collections(reader, found.collections, beside),
        # The words stand in the field above.
        "active": active_filters(reader, "/search", _filters(criteria) | {"q": None}, beside),
        "facets": list(facet_views(reader, "/search", found.facets or {}, beside)),
        "kept": [pair for pair in beside if pair[0] != "q"],
        "next": at(found.next),
        "prev": at(found.prev),
    }
    return View("search.html", f"{words} – {title}", context, api=("/search", pairs))


def _did_you_mean(reader: Reader, meant: str | None, pairs: list[tuple[str, str]]) -> tuple[str, str] | None:
    """Return the query that was perhaps meant, and the address that asks it under the same filters."""
    if meant is None:
        return None
    return meant, reader.href("/search", [("q", meant), *(pair for pair in pairs if pair[0] != "q")])


def _filters(criteria: SearchCriteria) -> dict[str, Any]:
    """Return the filters that are set, under the names that addresses have them by."""
    return {"collection" if name == "among" else name: value for name, value in criteria.filters().items()}


def suggestions(reader: Reader, typed: str) -> list[str]:
    """Return names in the archive that go on as what was typed, without that itself; none where it cannot be completed."""
    try:
        criteria = read_criteria(SuggestCriteria, [("q", typed), ("limit", str(SUGGESTIONS + 1))])
    except InvalidParameters:
        return []
    found = (each.text for each in reader.catalogue.suggest(criteria) if each.text != typed)
    return list(islice(found, SUGGESTIONS))


def _hit(reader: Reader, document: dict[str, Any], excerpts: list[Excerpt]) -> dict[str, Any]:
    title, shown, name = None, [], reader.name(document)
    for excerpt in excerpts:
        if excerpt.text == name:  # It is shown as the title; the same words below it would say nothing more.
            title = marked(name, excerpt.matches)
            continue
        segment = None if excerpt.segment is None else anchor_of(document["id"], excerpt.segment)
        href = None if segment is None else reader.record(document["id"], fragment=segment)
        cut = {"follows": excerpt.follows, "goes_on": excerpt.goes_on}
        shown.append({"html": marked(excerpt.text, excerpt.matches), "href": href, "start_s": excerpt.start_s, **cut})
    return {"record": document, "title": title, "excerpts": shown}


def marked(text: str, matches: list[tuple[int, int]]) -> Markup:
    """Return a text as HTML with what was looked for marked."""
    html, end = Markup(), 0
    for first, last in matches:
        html += escape(text[end:first]) + Markup("<mark>%s</mark>") % text[first:last]
        end = last
    return html + escape(text[end:])


def _collections(
    reader: Reader, counts: dict[str, int], pairs: list[tuple[str, str]]
) -> list[tuple[str, int, str, bool]]:
    """Return each collection in which something was found: name, number, address, whether the search is narrowed to it."""
    chosen = {value for name, value in pairs if name == "collection"}
    rest = [pair for pair in pairs if pair[0] != "collection"]
    return [
        (
            name,
            count,
            reader.href("/search", rest if name in chosen else [*rest, ("collection", name)]),
            name in chosen,
        )
        for name, count in counts.items()
        if count
    ]
