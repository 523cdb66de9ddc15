"""What search engines may read: robots.txt, and sitemaps (sitemaps.org) where the archive wants to be found."""

import re

from service.catalogue.browsing import Catalogue
from service.catalogue.criteria import COLLECTIONS
from service.errors import NotFound

#: Addresses in one sitemap; the protocol allows 50,000.
PER_SITEMAP = 10_000
_NAME = re.compile(r"([a-z]+)-([0-9]{1,6})\.xml")
_XMLNS = "http://www.sitemaps.org/schemas/sitemap/0.9"


def robots(base: str, *, indexed: bool) -> str:
    """Return robots.txt. Where pages are not to be listed they say so themselves: a search engine that may not read a page would not
    see that, and list its address.
    """
    return f"User-agent: *\nAllow: /\nSitemap: {base}/sitemap.xml\n" if indexed else "User-agent: *\nDisallow: /v1/\n"


def sitemap_index(catalogue: Catalogue, base: str) -> bytes:
    """Return the list of all sitemaps."""
    names = [
        f"{base}/sitemaps/{collection}-{number}.xml"
        for collection in COLLECTIONS
        for number in range(-(-catalogue.sets.collections[collection].size // PER_SITEMAP))
    ]
    entries = "".join(f"<sitemap><loc>{name}</loc></sitemap>\n" for name in names)
    return _xml("sitemapindex", entries)


def sitemap(catalogue: Catalogue, base: str, name: str) -> bytes:
    """Return one sitemap: the records of a collection, ten thousand at a time. Raises NotFound."""
    match = _NAME.fullmatch(name)
    if match is None or match[1] not in COLLECTIONS:
        raise NotFound("There is no such sitemap.")
    collection = catalogue.sets.collections[match[1]]
    first = int(match[2]) * PER_SITEMAP
    if first >= collection.size:
        raise NotFound("There is no such sitemap.")
    start = collection.first + first
    end = min(start + PER_SITEMAP, collection.first + collection.size)
    listed = catalogue.identifiers(start, end)
    return _xml("urlset", "".join(f"<url><loc>{base}/{match[1]}/{record_id}</loc></url>\n" for record_id in listed))


def _xml(element: str, entries: str) -> bytes:
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<{element} xmlns="{_XMLNS}">\n{entries}</{element}>\n'.encode()
