"""How a record is cited, by people and, as schema.org in JSON-LD, by machines."""

from typing import Any

import orjson
from markupsafe import Markup

from service.pages.reader import Document, Reader, collection_of, shortened

_TYPES = {
    "testimony": "CreativeWork",
    "event": "Event",
    "statistic": "Claim",
    "response": "Claim",
    "source": "CreativeWork",
    "agent": "Organization",
    "place": "Place",
    "topic": "DefinedTerm",
}


def citation_text(reader: Reader, document: Document) -> Markup:
    """Return how to cite a record, as HTML: who publishes it, its title, its identifier with the version and release read, its address,
    and the SHA-256 of its line in the public archive, so that whoever kept a copy can prove what it said.
    """
    publisher, title = (shortened(each) for each in (reader.head["publisher"]["name"], reader.head["title"]))
    address = f"{reader.base}/{collection_of(document['id'])}/{document['id']}"
    proof = [version.digest for version in reader.catalogue.history(document["id"])[-1:] if version.digest is not None]
    read = reader.say(
        "%(id)s, version %(version)s, release %(release)s",
        id=_apart(document["id"]),
        version=document["version"],
        release=_apart(reader.catalogue.manifest.short_id),
    )
    named = [_apart(f"{publisher}, “{title}”"), _apart(f"“{reader.name(document)}”")]
    return Markup(". ").join([*named, _apart(read), *map(_apart, [address, *proof])])


def _apart(text: str) -> Markup:
    """Return a part of a sentence that may be in another script, so that the script of either does not turn the other."""
    return Markup("<bdi>%s</bdi>") % text


def linked_data(reader: Reader, document: Document) -> Markup:
    """Return a record as schema.org in JSON-LD, written so that it can stand in a `script` element: nothing ends it early."""
    address = f"{reader.base}/{collection_of(document['id'])}/{document['id']}"
    data: dict[str, Any] = {
        "@context": "https://schema.org",
        "@type": _type_of(document),
        "@id": address,
        "identifier": document["id"],
        "name": reader.name(document),
        "url": address,
    }
    data |= {key: value for key, value in _own(reader, document).items() if value not in (None, [], "")}
    written = orjson.dumps(data).decode()
    # "<" would let "</script>" or "<!--" in; JSON has another way to write it.
    return Markup(written.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))  # noqa: S704 - escaped


def _type_of(document: Document) -> str:
    if document["record"] == "agent" and document["kind"] == "person":
        return "Person"
    return _TYPES[document["record"]]


def _own(reader: Reader, document: Document) -> dict[str, Any]:
    """Return what schema.org has a word for in a record of this type."""
    description = document.get("summary") or document.get("description")
    # The words themselves stand on the page: machines are told what it is about.
    common = {"description": shortened(description)} if isinstance(description, str) else {}
    match document["record"]:
        case "testimony" | "statistic" | "response":
            archive = {"@type": "Dataset", "name": shortened(reader.head["title"]), "url": f"{reader.base}/"}
            cited = [
                {"@type": "CreativeWork", "name": shortened(each["source"]["label"])} for each in document["citations"]
            ]
            unique = [each for index, each in enumerate(cited) if each not in cited[:index]]
            return {**common, "isPartOf": archive, "license": _licence(reader), "citation": unique}
        case "event":
            day = document["date"]["earliest"] if document["date"]["earliest"] == document["date"]["latest"] else None
            place = document["place"]
            located = {"@type": "Place", "name": shortened(place["label"])} if place else None
            return {**common, "startDate": day, "location": located}
        case "source":
            return {"inLanguage": document["language"], "sameAs": document["url"]}
        case "place" if document["latitude"] is not None:
            point = {"latitude": document["latitude"], "longitude": document["longitude"]}
            return {"geo": {"@type": "GeoCoordinates", **point}}
    return common


def _licence(reader: Reader) -> str:
    licence: str = reader.head["licence"]
    return licence if licence.startswith("http") else f"https://spdx.org/licenses/{licence}"
