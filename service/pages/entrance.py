"""The first page, and what the archive says of itself."""

from typing import Any

from service.catalogue.parameters import read_criteria
from service.pages.reader import Reader
from service.pages.views import View
from service.pages.vocabulary import COLLECTIONS, GRADES

#: Records and topics that the first page shows.
SHOWN, TOPICS = 6, 14


def home_view(reader: Reader, _name: str) -> View:
    """Return the first page.

    Context: `counts` (collection, name, number, address), `testimonies` (few), `topics` (name, address, number of testimonies), `head`.
    """
    counts = _counts(reader)
    testimonies = reader.few("testimonies", SHOWN)
    reader.relabel(testimonies.documents)
    context = {"counts": counts, "testimonies": testimonies, "topics": _topics(reader), "head": reader.head}
    return View("home.html", "", context, api=("", []))


def _counts(reader: Reader) -> list[tuple[str, str, int, str]]:
    counts = reader.catalogue.manifest.counts
    return [
        (name, reader.words.text(COLLECTIONS[name]), int(counts.get(name, 0)), reader.href(f"/{name}"))
        for name in COLLECTIONS
    ]


def _topics(reader: Reader) -> list[tuple[str, str, int]]:
    """Return the topics of most testimonies."""
    asked = [("facets", "topic"), ("facet_limit", str(TOPICS)), ("limit", "1")]
    facets = reader.catalogue.facets(read_criteria(reader.catalogue.criteria["testimonies"], asked)) or {}
    buckets = [bucket for bucket in facets.get("topic", ()) if bucket.value is not None]
    named = reader.documents(str(bucket.value) for bucket in buckets) if reader.wishes else {}
    return [
        (
            reader.name(named[bucket.value]) if bucket.value in named else str(bucket.label),
            reader.listed("testimonies", topic=str(bucket.value)),
            bucket.count,
        )
        for bucket in buckets
    ]


def about_view(reader: Reader, _name: str) -> View:
    """Return what the archive says of itself and how to read it.

    Context: `head`, `release` (id, number, published_at), `grades` (evidence and what it means), `counts`, `downloads` (name, address).
    """
    manifest = reader.catalogue.manifest
    context: dict[str, Any] = {
        "head": reader.head,
        "release": manifest,
        "grades": list(GRADES.items()),
        "counts": _counts(reader),
        "downloads": [
            (reader.words.text("The whole archive"), reader.api("/archive")),
            (reader.words.text("What has changed, as a feed"), reader.api("/changes", [("format", "atom")])),
            (reader.words.text("The API and its description"), f"{reader.base}/docs"),
        ],
    }
    return View("about.html", reader.words.text("About this archive"), context, api=("", []))
