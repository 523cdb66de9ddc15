"""Who asks for a page: the language they read, where the pages stand, and the release that answers. One for each request."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import quote, urlencode

from babel.lists import format_list
from markupsafe import Markup, escape

from service.archive.fields import FormatField
from service.archive.identifiers import PLURALS, TYPE_OF_PREFIX
from service.archive.terms import Terms
from service.catalogue.browsing import Catalogue, Page
from service.catalogue.languages import Wishes, look_up, references_in, translated_texts
from service.catalogue.parameters import read_criteria
from service.pages.dates import date_in_words
from service.pages.figures import figure_in_words, number_in_words
from service.pages.languages import Words, direction_of, language_name
from service.pages.vocabulary import BOUNDS, filter_name, order_name, reversed_name, word_of
from service.release.labels import shown_label

Pairs = Sequence[tuple[str, str]]
Document = dict[str, Any]

#: Characters of a title or name that are shown; a longer one is cut, and whole in the record's JSON.
LONGEST_NAME = 400


@dataclass(frozen=True, slots=True)
class Few:
    """The first records of a list, how many there are in all, and the address of the whole list."""

    documents: list[Document]
    total: int
    href: str


@dataclass(frozen=True)
class Reader:
    """One request for a page, as views and templates see it."""

    catalogue: Catalogue
    words: Words
    #: Languages wished for, the dearest first: for the texts of records.
    wishes: Wishes
    #: The language named in the address, kept in every link; None where the browser's own choice is followed.
    named: str | None
    #: The path below which the application is shown, without a slash at its end.
    root: str
    #: Scheme, host and root path, for addresses that are copied or sent on.
    base: str
    #: Path of the page, without the root, and its query without the language.
    path: str
    pairs: Pairs

    @property
    def language(self) -> str:
        """The language of the interface."""
        return self.words.language

    @property
    def direction(self) -> str:
        """The direction in which the language of the interface is written."""
        return direction_of(self.language)

    @property
    def head(self) -> Document:
        """What the archive says of itself."""
        return self.catalogue.head

    # --- Addresses ------------------------------------------------------------------------------------------------

    def href(self, path: str, pairs: Pairs = (), *, fragment: str = "") -> str:
        """Return the address of a page of ours, with the language that the reader chose."""
        kept = [*pairs, *([("lang", self.named)] if self.named else [])]
        query = f"?{urlencode(kept)}" if kept else ""
        return f"{self.root}{quote(path)}{query}{'#' if fragment else ''}{fragment}"

    @cached_property
    def _kept(self) -> str:
        """The query of every address that says no more than the language that the reader chose."""
        return "" if self.named is None else f"?{urlencode([('lang', self.named)])}"

    def record(self, record_id: str, pairs: Pairs = (), *, fragment: str = "") -> str:
        """Return the address of a record's page."""
        if not pairs and not fragment:
            return f"{self.root}/{collection_of(record_id)}/{record_id}{self._kept}"
        return self.href(f"/{collection_of(record_id)}/{record_id}", pairs, fragment=fragment)

    def file(self, file: Document, *, at: float | None = None) -> str:
        """Return the address of a file of a source, as it is served here; with `at`, from that second on."""
        return f"{self.root}{file['href']}{'' if at is None else f'#t={at:g}'}"

    def listed(self, collection: str, **filters: str) -> str:
        """Return the address of a list with these filters."""
        return self.href(f"/{collection}", list(filters.items()))

    def in_language(self, language: str) -> str:
        """Return the address of this page in another language."""
        return f"{self.root}{quote(self.path)}?{urlencode([*self.pairs, ('lang', language)])}"

    def api(self, path: str, pairs: Pairs = ()) -> str:
        """Return the absolute address of the API's answer."""
        return f"{self.base}/v1{path}{'?' if pairs else ''}{urlencode(pairs)}"

    # --- Words ----------------------------------------------------------------------------------------------------

    def say(self, message: str, **values: object) -> Markup:
        """Return a message of the interface as HTML."""
        return self.words.say(message, **values)

    def date(self, date: Any) -> str:  # noqa: ANN401 - a document's date, EDTF, or None
        """Return a date in words."""
        return date_in_words(date, self.words)

    def number(self, value: float) -> str:
        """Return a number as it is written in the reader's language."""
        return number_in_words(value, self.words)

    def figure(self, statistic: Document) -> str:
        """Return a stated figure in words."""
        return figure_in_words(statistic, self.words)

    def word(self, value: object) -> str:
        """Return the word for a value of a closed vocabulary."""
        return word_of(value, self.words)

    def words_of(self, values: Sequence[object]) -> str:
        """Return the words for values of a closed vocabulary, as one list in a sentence."""
        return format_list([self.word(each) for each in values], style="standard", locale=self.words.locale)

    def term(self, vocabulary: str, value: str) -> str:
        """Return what a term is called: by the archive, else by the format; of an open list, as it stands, with spaces."""
        terms = self.catalogue.fields.vocabularies[vocabulary]
        if value in terms.own:
            return terms.label(value, self.label_language(terms))
        return self.word(value) if value in terms.built_in else spaced(value)

    def label_language(self, terms: Terms) -> str | None:
        """Return the first language wished for in which terms have labels; None for the archive's own."""
        found = look_up(self.wishes, [*terms.languages, self.head["language"]])
        return found if found in terms.languages else None

    def filter_name(self, name: str) -> str:
        """Return the name of a filter."""
        own = self._own_name(name)
        return filter_name(name, self.words) if own is None else own

    def order_name(self, order: str) -> str:
        """Return the name of an order."""
        own = self._own_name(order.removeprefix("-"))
        return order_name(order, self.words) if own is None else reversed_name(order, own, self.words)

    def own_fields(self, document: Document) -> list[tuple[str, FormatField, list[Any]]]:
        """Return the archive's own fields in which a record states something: label, field, values."""
        found = []
        for each in self.catalogue.fields[document["record"]].own:
            value = document["custom"][each.name]
            if value not in (None, []):
                found.append((self.filter_name(f"custom.{each.name}"), each, value if each.is_list else [value]))
        return found

    def _own_name(self, name: str) -> str | None:
        """Return the label of a field of the archive's own, by the name of its filter or order."""
        if not name.startswith("custom."):
            return None
        for record in self.catalogue.fields:
            for by in record.filters:
                declared = by.field.declared
                if declared is not None and name.startswith(by.name) and name.removeprefix(by.name) in BOUNDS:
                    label = declared.label(look_up(self.wishes, [*declared.field.translations, self.head["language"]]))
                    bound = name.removeprefix(by.name)
                    return self.words.text(BOUNDS[bound], name=label) if bound else label
        return None

    def language_name(self, tag: str) -> str:
        """Return the name of a language in the reader's language."""
        return language_name(tag, self.language)

    def name(self, document: Document) -> str:
        """Return the title, name or label of a record; of a response without a subject, what kind it is."""
        if document["record"] == "response" and not document.get("subject"):
            return shortened(f"{document['party']['label']}: {self.word(document['kind'])}")
        return shortened(shown_label(document))

    # --- The smallest parts of pages: a page has a hundred of them, and a macro of a template takes three times as long ---

    def name_of(self, document: Document, length: int = LONGEST_NAME) -> Markup:
        """Return the title, name or label of a record as HTML."""
        field = "title" if "title" in document else ("name" if document.get("name") else "label")
        language = document["language_of"].get(field, self.head["language"])
        name = shortened(self.name(document), length)
        return Markup(f'<bdi lang="{escape(language)}">{escape(name)}</bdi>')  # noqa: S704 - escaped

    def ref(self, reference: Document) -> Markup:
        """Return a link to another record as HTML."""
        href, label = self.record(reference["id"]), shortened(reference["label"], 200)
        return Markup(f'<a href="{escape(href)}"><bdi>{escape(label)}</bdi></a>')  # noqa: S704 - escaped

    # --- Records --------------------------------------------------------------------------------------------------

    def read(self, document: bytes) -> Document:
        """Return a record in the languages wished for."""
        return translated_texts(document, self.wishes, self.catalogue.fields)

    def documents(self, record_ids: Iterable[str]) -> dict[str, Document]:
        """Return the public ones among these records, by identifier."""
        return {name: self.read(each) for name, each in self.catalogue.documents(set(record_ids)).items()}

    def relabel(self, shown: object) -> None:
        """Put the labels of references into the languages wished for, in all documents of a context."""
        if not self.wishes:
            return
        references = list(references_in(shown))
        named = self.catalogue.called({each["id"] for each in references}, self.wishes)
        for reference in references:
            if reference["id"] in named:
                reference["label"], _ = named[reference["id"]]

    def few(self, collection: str, limit: int, **filters: str) -> Few:
        """Return the first records of a list, in its usual order."""
        pairs = list(filters.items())
        criteria = read_criteria(self.catalogue.criteria[collection], [*pairs, ("limit", str(limit))])
        page: Page = self.catalogue.page(self.catalogue.look_up(criteria))
        return Few([self.read(each) for each in page.documents], page.total, self.href(f"/{collection}", pairs))


def collection_of(record_id: str) -> str:
    """Return the collection that a record is in, by the prefix of its identifier."""
    return PLURALS[TYPE_OF_PREFIX[record_id.partition("-")[0]]]


def spaced(value: str) -> str:
    """Return a value that is written as one word, `taken_to_a_station`, as people write it."""
    return value if " " in value else value.replace("_", " ")


def shortened(text: str, length: int = LONGEST_NAME) -> str:
    """Return a text cut to a length in characters, an ellipsis in place of the rest."""
    return text if len(text) <= length else text[:length].rstrip() + "…"
