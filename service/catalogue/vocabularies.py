"""The vocabularies of a release as they are told: the archive's own and the lists of the format, their terms in the
reader's language, and where records have them. Knows no HTTP.
"""

from collections.abc import Iterator
from typing import Annotated, Any, Literal
from urllib.parse import quote

from pydantic import Field

from service.archive.fields import ArchiveFields, Filter
from service.archive.marks import FromVocabulary
from service.archive.model import Term
from service.archive.terms import EXTENDED, FIXED, Terms
from service.catalogue.criteria import LanguageRange
from service.catalogue.languages import Wishes, look_up
from service.catalogue.parameters import Parameters

#: What SKOS calls what (https://www.w3.org/TR/skos-reference/).
SKOS = "http://www.w3.org/2004/02/skos/core#"
#: The language of the words that the format has of its own.
FORMAT_LANGUAGE = "en"


class VocabularyView(Parameters):
    """How a vocabulary is shown."""

    lang: Annotated[
        LanguageRange | None,
        Field(description="Show labels in this language where they are translated; * for the archive's own."),
    ] = None
    format: Annotated[
        Literal["json", "jsonld"] | None,
        Field(description="json, jsonld: SKOS, for thesauri and graphs. Before Accept."),
    ] = None


class VocabulariesView(Parameters):
    """How the list of vocabularies is shown."""


def is_built_in(name: str) -> bool:
    """Tell whether the format has a vocabulary of this name."""
    return name in EXTENDED or name in FIXED


def used_by(fields: ArchiveFields, name: str) -> Iterator[tuple[str, str]]:
    """Yield each collection whose lists are filtered by terms of a vocabulary, with the name of the filter."""
    for record in fields:
        for by in record.filters:
            if _vocabulary_of(by) == name:
                yield record.collection, by.name


def _vocabulary_of(by: Filter) -> str | None:
    if (terms := by.field.terms) is not None:
        return terms.name
    mark = by.field.mark(FromVocabulary)
    return None if mark is None else mark.name


def shown_terms(terms: Terms, wishes: Wishes, language: str) -> list[dict[str, Any]]:
    """Return the terms of a vocabulary, in the first language wished for that its labels are in; else in the archive's,
    `language`.
    """
    chosen = look_up(wishes, [*terms.languages, language])
    return [_shown(terms, term, chosen, language) for term in terms.terms.values()]


def _shown(terms: Terms, term: Term, chosen: str | None, language: str) -> dict[str, Any]:
    translation = term.translations.get(chosen or "")
    has_label = translation is not None and translation.label is not None
    has_description = translation is not None and translation.description is not None
    return {
        "value": term.value,
        "label": terms.label(term.value, chosen),
        "language": chosen if has_label else own_language(terms, term.value, language),
        "broader": term.broader,
        "description": translation.description if has_description and translation else term.description,
        "exact_match": list(term.exact_match),
        "built_in": term.value in terms.built_in,
        "translations": {tag: each.model_dump() for tag, each in term.translations.items()},
    }


def own_language(terms: Terms, value: str, language: str) -> str:
    """Return the language of a term's own label: the archive's, unless the format has both."""
    return FORMAT_LANGUAGE if terms.is_plain(value) else language


def as_skos(terms: Terms, address: str, language: str) -> dict[str, Any]:
    """Return a vocabulary as SKOS in JSON-LD; `address` is its own, below which its terms have theirs."""
    scheme: dict[str, Any] = {"@id": address, "@type": "skos:ConceptScheme", "skos:notation": terms.name}
    if terms.title is not None:
        scheme["skos:prefLabel"] = [{"@value": terms.title, "@language": language}]
    return {
        "@context": {"skos": SKOS},
        "@graph": [scheme, *(_concept(terms, term, address, language) for term in terms.terms.values())],
    }


def _concept(terms: Terms, term: Term, address: str, language: str) -> dict[str, Any]:
    own = own_language(terms, term.value, language)
    labels = [{"@value": term.label, "@language": own}]
    definitions = [] if term.description is None else [{"@value": term.description, "@language": own}]
    for tag, each in term.translations.items():
        labels += [] if each.label is None else [{"@value": each.label, "@language": tag}]
        definitions += [] if each.description is None else [{"@value": each.description, "@language": tag}]
    concept: dict[str, Any] = {
        "@id": _concept_address(address, term.value),
        "@type": "skos:Concept",
        "skos:notation": term.value,
        "skos:prefLabel": labels,
        "skos:inScheme": {"@id": address},
    }
    if definitions:
        concept["skos:definition"] = definitions
    if term.broader is None:
        concept["skos:topConceptOf"] = {"@id": address}
    else:
        concept["skos:broader"] = {"@id": _concept_address(address, term.broader)}
    if term.exact_match:
        concept["skos:exactMatch"] = [{"@id": match} for match in term.exact_match]
    return concept


def _concept_address(address: str, value: str) -> str:
    return f"{address}#{quote(value, safe='')}"
