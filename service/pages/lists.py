"""The lists of the eight collections: filters as a form, facets as links, the active ones to be taken off, order and paging."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any
from urllib.parse import urlencode

from service.archive.terms import Terms
from service.catalogue.criteria import Criteria, sort_choices
from service.catalogue.facets import Bucket, RecordBucket
from service.catalogue.languages import is_record_id
from service.catalogue.parameters import invalid_parameters, read_criteria
from service.errors import ParameterError
from service.pages.figures import charts_of
from service.pages.reader import Pairs, Reader, shortened, spaced
from service.pages.views import View
from service.pages.vocabulary import COLLECTIONS

#: Values of a facet that are offered; the rest is found by narrowing the list.
FACET_VALUES = 12
#: Records that one page lists at most: more would not come to a phone in one breath.
MOST_LISTED = 50
#: Facets of the archive's own fields that a page offers, and the kinds of fields that it offers.
OWN_FACETS, _COUNTED_KINDS = 12, frozenset({"term", "truth", "reference"})
#: Facets that a page does not offer: what can be asked for in the form, or says little beside the others.
_NOT_OFFERED = frozenset({"month", "undated", "relative_to", "source"})
#: What chooses how an answer of the API looks, and has no meaning for a page.
_ONLY_FOR_DATA = frozenset({"format", "fields", "facets", "facet_limit", "facet_mode"})
#: Filters that stand in the form, in this order, where a collection has them.
_IN_FORM = ("date_from", "date_to", "value_min", "value_max")
#: A day, a month or a year, as filters by date take them.
_DAY = re.compile(r"[0-9]{4}(-[0-9]{2}){0,2}")


@dataclass(frozen=True, slots=True)
class Choice:
    """A value that can be chosen, or taken off."""

    label: str
    href: str
    count: int = 0
    active: bool = False


@dataclass(frozen=True, slots=True)
class FacetView:
    """A facet: its name and its values, most frequent first."""

    name: str
    choices: list[Choice]
    #: How many records state no value.
    without: int


@dataclass(frozen=True, slots=True)
class Field:
    """A field of the form."""

    name: str
    label: str
    value: str
    kind: str


def list_view(reader: Reader, collection: str) -> View:
    """Return a list. Raises InvalidParameters, InvalidCursor.

    Context: `collection`, `criteria`, `records` (documents), `total`, `active` (choices that take a filter off), `facets`, `fields` and
    `kept` (the form), `sorts` (choices), `next` and `prev` (addresses or None), `exports`, `charts` (statistics only).
    """
    pairs = asked(reader.pairs)
    model = reader.catalogue.criteria[collection]
    criteria = read_criteria(model, [*pairs, *_facets_of(reader, model)])
    listing = reader.catalogue.look_up(criteria)
    page = reader.catalogue.page(listing)
    records = [reader.read(each) for each in page.documents]
    without_cursor = [pair for pair in pairs if pair[0] != "cursor"]
    title = reader.words.text(COLLECTIONS[collection])
    path = f"/{collection}"

    def at(cursor: str | None) -> str | None:
        return None if cursor is None else reader.href(path, [*without_cursor, ("cursor", cursor)])

    context = {
        "collection": collection,
        "criteria": criteria,
        "records": records,
        "total": page.total,
        "active": active_filters(reader, path, criteria.filters(), without_cursor),
        "facets": list(facet_views(reader, path, page.facets or {}, without_cursor)),
        "fields": list(_fields(reader, model, without_cursor)),
        "kept": [pair for pair in without_cursor if pair[0] not in ("q", "sort", *_IN_FORM)],
        "sorts": list(_sorts(reader, model, criteria, without_cursor)),
        "next": at(page.next),
        "prev": at(page.prev),
        "exports": exports(reader, collection, without_cursor),
        "charts": charts_of(records, reader.words) if collection == "statistics" else [],
    }
    return View("list.html", title, context, api=(path, pairs), alternates=_alternates(reader, path, pairs))


def asked(pairs: Pairs) -> list[tuple[str, str]]:
    """Return the parameters of a page, without those that an empty field of a form sends. Raises InvalidParameters."""
    given = [pair for pair in pairs if pair[1] != ""]
    wrong = [name for name, _ in given if name in _ONLY_FOR_DATA]
    if wrong:
        raise invalid_parameters([ParameterError(name, "is for the API, below /v1") for name in dict.fromkeys(wrong)])
    if any(name == "limit" and value.isdecimal() and int(value[:9]) > MOST_LISTED for name, value in given):
        raise invalid_parameters(
            [ParameterError("limit", f"must be at most {MOST_LISTED} on a page; the API gives more")]
        )
    return given


def _facets_of(reader: Reader, model: type[Criteria]) -> list[tuple[str, str]]:
    if not reader.catalogue.text.is_whole:
        return []  # a list can be read without them
    hidden = {*_NOT_OFFERED, "year"}
    names = [name for name in model.FACETS if name not in hidden and not name.startswith("custom.")]
    # Of the archive's own fields those that have few values, and not too many: each takes its time to count.
    own = [each.name for each in reader.catalogue.fields[model.record].own if each.kind in _COUNTED_KINDS]
    names += [f"custom.{name}" for name in own[:OWN_FACETS]]
    return [("facets", ",".join(names)), ("facet_limit", str(FACET_VALUES)), ("facet_mode", "others")]


def _alternates(reader: Reader, path: str, pairs: Pairs) -> list[tuple[str, str, str]]:
    return [("application/json", "JSON", reader.api(path, pairs))]


def exports(reader: Reader, collection: str, pairs: Pairs) -> list[tuple[str, str]]:
    """Return names and addresses of the same list in other formats."""
    filters = [pair for pair in pairs if pair[0] != "limit"]
    path = f"/{collection}"
    found = [("JSON", reader.api(path, filters))]
    found += [(name.upper(), reader.api(f"{path}.{name}", filters)) for name in ("csv", "ndjson")]
    if collection in ("events", "places"):
        found.append(("GeoJSON", reader.api(f"{path}.geojson", filters)))
    return found


# --- Filters ----------------------------------------------------------------------------------------------------------


def active_filters(reader: Reader, path: str, filters: dict[str, Any], pairs: Pairs) -> list[Choice]:
    """Return each filter that is set, with the address of the list without it."""
    values = [(name, value) for name, given in filters.items() if given is not None for value in _each(given)]
    named = reader.documents(value for _, value in values if is_record_id(value))
    return [
        Choice(
            f"{reader.filter_name(name)}: {_term(reader, path, name, value) or _label(reader, name, value, named)}",
            reader.href(path, [pair for pair in pairs if not _is_same(pair, name, value)]),
            active=True,
        )
        for name, value in values
    ]


def _each(given: object) -> list[str]:
    """Return the values of a filter as an address has them."""
    if isinstance(given, float):
        return [f"{given:g}"]
    if isinstance(given, bool):
        return [str(given).lower()]
    return [str(value) for value in given] if isinstance(given, list | tuple) else [str(given)]


def _is_same(pair: tuple[str, str], name: str, value: str) -> bool:
    """Tell whether a parameter sets this filter to this value; filters that take one value go as a whole."""
    if pair[0] != name:
        return False
    return pair[1] == value or name in ("bbox", "value_min", "value_max", "updated_since", "q")


def _label(reader: Reader, name: str, value: str, named: dict[str, Any]) -> str:
    if value in named:
        return shortened(reader.name(named[value]), 80)
    if name == "language":
        return reader.language_name(value)
    if name.endswith(("_from", "_to")) and _DAY.fullmatch(value):
        return reader.date(value)
    if name in ("unit", "act"):
        return spaced(value)
    return value if name in ("q", "bbox", "updated_since") else reader.word(value)


def facet_views(reader: Reader, path: str, facets: dict[str, list[Bucket]], pairs: Pairs) -> Iterator[FacetView]:
    """Yield the facets that can narrow a list further, or that are in use."""
    collection = path.removeprefix("/")
    if reader.wishes:
        facets = reader.catalogue.relabelled(facets, reader.wishes, collection)
    here = reader.href(path, pairs)
    for name, buckets in facets.items():
        set_here = {value for key, value in pairs if key == name}
        shown = [each for each in buckets if each.value is not None and (each.count or each.value in set_here)]
        if len(shown) < 2 and not set_here:
            continue
        labels = Counter(bucket.label for bucket in buckets)
        terms = reader.catalogue.terms_of(collection, name)
        choices = []
        for bucket in shown:
            value = str(bucket.value)
            label = _value_name(reader, name, _told_apart(bucket, labels), terms)
            if active := value in set_here:
                href = reader.href(path, [pair for pair in pairs if pair != (name, value)])
            else:
                href = f"{here}{'&' if '?' in here else '?'}{_parameter(name, value)}"
            choices.append(Choice(shortened(label, 80), href, bucket.count, active))
        without = sum(bucket.count for bucket in buckets if bucket.value is None)
        yield FacetView(reader.filter_name(name), choices, without)


@lru_cache(4096)  # encoding those of one page anew takes half a millisecond
def _parameter(name: str, value: str) -> str:
    return urlencode([(name, value)])


def _told_apart(bucket: Bucket, labels: Counter[str | None]) -> Bucket:
    """Return a bucket that says what it lies below where another has the same label."""
    if labels[bucket.label] > 1 and isinstance(bucket, RecordBucket) and bucket.broader is not None:
        return replace(bucket, label=f"{bucket.label} ({bucket.broader['label']})")
    return bucket


def _value_name(reader: Reader, name: str, bucket: Bucket, terms: Terms | None) -> str:
    """Return what a value of a facet is called: a record and a term of the archive's own by the archive, all else by us."""
    value = str(bucket.value)
    if is_record_id(value) or (terms is not None and value in terms.own):
        return bucket.label or value
    return _label(reader, name, value, {})


def _term(reader: Reader, path: str, name: str, value: str) -> str | None:
    """Return what a value of a filter is called by the archive, where it is a term of its own."""
    terms = reader.catalogue.terms_of(path.removeprefix("/"), name)
    return None if terms is None or value not in terms.own else terms.label(value, reader.label_language(terms))


def _fields(reader: Reader, model: type[Criteria], pairs: Pairs) -> Iterable[Field]:
    given = dict(pairs)
    for name in _IN_FORM:
        if name in model.model_fields:
            kind = "date" if name.startswith("date") else "number"
            yield Field(name, reader.filter_name(name), given.get(name, ""), kind)


def _sorts(reader: Reader, model: type[Criteria], criteria: Criteria, pairs: Pairs) -> Iterable[tuple[str, str, bool]]:
    """Yield each order as the form offers it: value, name, whether it is the one at hand."""
    has_words = any(name == "q" for name, _ in pairs)
    for order in sort_choices(model):
        if order != "relevance" or has_words:
            yield order, reader.order_name(order), order == criteria.sort
