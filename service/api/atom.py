"""The change log, and the records of a list, as Atom feeds (RFC 4287), newest first."""

import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree import ElementTree as ET  # writes only; nothing is parsed here

import orjson

from service import __version__
from service.archive.identifiers import TYPE_OF_PREFIX
from service.catalogue.browsing import Catalogue
from service.catalogue.changes import Change
from service.catalogue.criteria import Criteria
from service.catalogue.parameters import invalid_parameters, read_criteria
from service.errors import ParameterError
from service.http.links import record_url
from service.http.negotiation import ATOM, HTML, JSON
from service.release.labels import shown_label

_ATOM = "http://www.w3.org/2005/Atom"
#: Identifiers are made from names below this one (RFC 9562, section 5.5), so that they are the same wherever and however
#: often the archive is served.
_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "urn:testimony-archive:changes")
# What XML 1.0 has no way to write, section 2.2.
_UNWRITABLE = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

_ACTIONS = {"created": "New", "updated": "Changed", "withdrawn": "Withdrawn"}


#: What chooses how a list is shown, and has no meaning for a feed.
_NOT_OF_FEEDS = frozenset({"sort", "fields", "include", "format", "bom", "facets", "facet_limit", "facet_mode"})


def feed_parameters(model: type[Criteria]) -> frozenset[str]:
    """Return the parameters of a list that its feed takes, too."""
    return frozenset(model.model_fields) - _NOT_OF_FEEDS


def read_feed(model: type[Criteria], pairs: Sequence[tuple[str, str]]) -> Criteria:
    """Return which list a feed is of, what changed last first. Raises InvalidParameters."""
    wrong = dict.fromkeys(name for name, _ in pairs if name in _NOT_OF_FEEDS)
    if wrong:
        message = "is not for feeds, which begin with what changed last"
        raise invalid_parameters([ParameterError(name, message) for name in wrong])
    return read_criteria(model, [*pairs, ("sort", "-updated_at")])


@dataclass(frozen=True, slots=True)
class Where:
    """The addresses of a feed: the root of the API, this page and the next, if any; and whether records have pages for people."""

    base: str
    own: str
    following: str | None
    has_pages: bool


def draw_list_feed(catalogue: Catalogue, collection: str, documents: Sequence[bytes], at: Where) -> bytes:
    """Return records of a list as a feed, in the order given."""
    records = [orjson.loads(document) for document in documents]
    updated = max((record["updated_at"] for record in records), default=catalogue.manifest.published_at)
    # A feed is the same wherever it is read, and another with other filters.
    identifier = _identifier(catalogue.head["id"], at.own.removeprefix(at.base))
    feed = _begin(catalogue, identifier, collection, updated=updated, at=at)
    for record in records:
        entry = ET.SubElement(feed, "entry")
        _text(entry, "id", _identifier(catalogue.head["id"], record["id"]))
        _text(entry, "title", shown_label(record))
        _text(entry, "updated", record["updated_at"])
        _link_record(entry, record["id"], at)
        warnings = record.get("content_warnings", [])
        warned = f" Content warnings: {'; '.join(warnings)}." if warnings else ""
        _text(entry, "content", f"{record['id']}, version {record['version']}.{warned}", type="text")
    body: bytes = ET.tostring(feed, encoding="UTF-8", xml_declaration=True)
    return body


def draw_feed(catalogue: Catalogue, changes: Sequence[Change], at: Where) -> bytes:
    """Return a page of the log as a feed."""
    updated = max((change.at for change in changes), default=catalogue.manifest.published_at)
    identifier = _identifier(catalogue.head["id"])
    feed = _begin(catalogue, identifier, "changes", updated=updated, at=at)
    for change in changes:
        _add_entry(feed, change, at=at, archive_id=catalogue.head["id"])
    body: bytes = ET.tostring(feed, encoding="UTF-8", xml_declaration=True)
    return body


def _begin(catalogue: Catalogue, identifier: str, name: str, *, updated: str, at: Where) -> ET.Element:
    """Return a feed that has no entries yet."""
    head = catalogue.head
    feed = ET.Element("feed", {"xmlns": _ATOM, "xml:lang": head["language"]})
    _text(feed, "id", identifier)
    _text(feed, "title", f"{head['title']}: {name}")
    _text(feed, "updated", updated)
    _link(feed, "self", at.own, ATOM)
    _link(feed, "alternate", f"{at.base}/" if at.has_pages else f"{at.base}/v1")
    if at.following is not None:
        _link(feed, "next", at.following, ATOM)
    author = ET.SubElement(feed, "author")
    _text(author, "name", head["publisher"]["name"])
    if head["publisher"]["url"] is not None:
        _text(author, "uri", head["publisher"]["url"])
    _text(feed, "rights", head["licence"])
    ET.SubElement(feed, "generator", {"version": __version__}).text = "Testimony Archive"
    return feed


def _add_entry(feed: ET.Element, change: Change, *, at: Where, archive_id: str) -> None:
    """Add one change. Of a record that is gone only the identifier and the day are told."""
    entry = ET.SubElement(feed, "entry")
    record = TYPE_OF_PREFIX[change.record_id.partition("-")[0]]
    _text(entry, "id", _identifier(archive_id, change.release, change.at, str(change.sequence)))
    document = None if change.document is None else orjson.loads(change.document)
    named = change.record_id if document is None else shown_label(document)
    _text(entry, "title", f"{_ACTIONS[change.action]} {record}: {named}")
    _text(entry, "updated", change.at)
    for term in (change.action, *(["erase"] if change.erase else [])):
        ET.SubElement(entry, "category", {"term": term})
    if document is not None:
        _link_record(entry, change.record_id, at)
    warnings = [] if document is None else document.get("content_warnings", [])
    warned = f" Content warnings: {'; '.join(warnings)}." if warnings else ""
    _text(entry, "content", f"{_sentence(change)}{warned}", type="text")


def _sentence(change: Change) -> str:
    if change.action == "withdrawn":
        return f"{change.record_id} was withdrawn. If you hold a copy, delete it."
    if not change.live:
        return f"{change.record_id} has been withdrawn since. If you hold a copy, delete it."
    told = f"{change.record_id}, version {change.version}."
    return (
        f"{told} It shows less than before. If you hold a copy of an earlier version, erase it."
        if change.erase
        else told
    )


def _identifier(*names: str) -> str:
    return uuid.uuid5(_NAMESPACE, "\n".join(names)).urn


def _text(parent: ET.Element, name: str, text: str, **attributes: str) -> None:
    ET.SubElement(parent, name, attributes).text = _UNWRITABLE.sub("\ufffd", text)


def _link_record(entry: ET.Element, record_id: str, at: Where) -> None:
    """Lead to a record: to its page for people, where there are such, and to its data."""
    address = record_url(at.base, record_id)
    if not at.has_pages:
        _link(entry, "alternate", address)
        return
    _link(entry, "alternate", at.base + address.removeprefix(f"{at.base}/v1"), HTML)
    _link(entry, "alternate", address, JSON)


def _link(parent: ET.Element, rel: str, href: str, media_type: str | None = None) -> None:
    # Without a type where people follow the link: readers pass over alternates that are not of a type they show.
    typed = {} if media_type is None else {"type": media_type}
    ET.SubElement(parent, "link", {"rel": rel, **typed, "href": href})
