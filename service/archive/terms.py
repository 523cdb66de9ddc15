"""Vocabularies ready to be asked: which terms there are, what they are called in a language, which lie above which.

Those of the format, to some of which an archive may add, and those that are all its own. Knows no record.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any, Final, Literal, get_args

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from service.archive import vocabularies as lists
from service.archive.model import Term, Vocabulary

#: The lists of words of the format that an archive may add to; those without terms take any text where it does not.
EXTENDED: Final[Mapping[str, tuple[str, ...]]] = {
    "event_type": get_args(lists.EventType),
    "source_type": get_args(lists.SourceType),
    "place_kind": get_args(lists.PlaceKind),
    "act_type": (),
    "role": (),
    "content_warning": (),
    "unit": (),
}
#: The lists that mean something to the engine: nobody can add to them.
FIXED: Final[Mapping[str, tuple[str, ...]]] = {
    "agent_kind": get_args(lists.AgentKind),
    "attribution": get_args(lists.Attribution),
    "response_kind": get_args(lists.ResponseKind),
    "outcome": get_args(lists.Outcome),
    "qualifier": get_args(lists.Qualifier),
}
#: Terms that the descriptions of the API list one by one; a longer vocabulary is named there, and has its own address.
LISTED: Final = 500
#: Terms above one another, at most.
MAX_LEVELS: Final = 64


@dataclass(frozen=True, eq=False)
class Terms:
    """One vocabulary. As a mark of a field, it says that the field's values are from it."""

    name: str
    #: In the archive's language; None where it has none.
    title: str | None
    is_closed: bool
    #: By their values, in the order of the archive; those of the format first.
    terms: Mapping[str, Term]
    #: The values that the format has, and those that the archive lists.
    built_in: frozenset[str] = frozenset()
    own: frozenset[str] = frozenset()
    _labels: dict[str, dict[str, str]] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        for value, term in self.terms.items():
            for language, translation in term.translations.items():
                if translation.label is not None:
                    self._labels.setdefault(language, {})[value] = translation.label

    @property
    def languages(self) -> Collection[str]:
        """The languages that labels are translated into."""
        return self._labels

    def label(self, value: str, language: str | None = None) -> str:
        """Return what a term is called in a language, in the archive's where it has no name there. What is no term of an
        open vocabulary is called as it stands.
        """
        translated = self._labels.get(language or "", {}).get(value)
        if translated is not None:
            return translated
        term = self.terms.get(value)
        return value if term is None else term.label

    def labels(self, value: str) -> Iterator[tuple[str | None, str]]:
        """Yield what a term is called: in the archive's language, told by None, and in all others."""
        yield None, self.label(value)
        for language, labels in self._labels.items():
            if value in labels:
                yield language, labels[value]

    def is_plain(self, value: str) -> bool:
        """Tell whether a term is the format's, and the archive says nothing more of it."""
        return value in self.built_in and value not in self.own

    def broader(self, value: str) -> str | None:
        """Return the term directly above one."""
        term = self.terms.get(value)
        return None if term is None else term.broader

    def and_wider(self, value: str) -> tuple[str, ...]:
        """Return a term and all those above it."""
        return self._chains.get(value) or (value,)

    @cached_property
    def has_levels(self) -> bool:
        """Whether any term lies below another."""
        return bool(self._chains)

    @cached_property
    def _chains(self) -> dict[str, tuple[str, ...]]:
        """The chain of each term that has something above it."""
        chains = {}
        for value, term in self.terms.items():
            chain = [value]
            above = term.broader
            while above is not None and len(chain) <= MAX_LEVELS:
                chain.append(above)
                above = self.broader(above)
            if len(chain) > 1:
                chains[value] = tuple(chain)
        return chains

    @cached_property
    def annotation(self) -> Any:  # noqa: ANN401 - a type
        """The type of a value, as it is described: one of the terms where they are closed and not too many."""
        values = tuple(self.terms)
        return Literal[values] if self.is_closed and 0 < len(values) <= LISTED else str

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Take the terms alone or, of an open vocabulary, any text."""
        return core_schema.no_info_after_validator_function(self._checked, handler(source))

    def _checked(self, value: str) -> str:
        if self.is_closed and value not in self.terms:
            raise PydanticCustomError("invalid_value", "is no term of the vocabulary {name}", {"name": self.name})
        return value


def built_in(name: str) -> Terms:
    """Return a vocabulary of the format as it is where the archive adds nothing."""
    values = EXTENDED.get(name) or FIXED.get(name, ())
    return Terms(name, None, bool(values), _plain_terms(values), frozenset(values))


def extended(name: str, own: Vocabulary) -> Terms:
    """Return a vocabulary of an archive, with the terms that the format has under its name. A term that the archive has
    too, it gives a label of its own.
    """
    values = EXTENDED.get(name, ())
    terms = {**_plain_terms(values), **{term.value: term for term in own.terms}}
    listed = frozenset(term.value for term in own.terms)
    return Terms(name, own.title, own.closed, MappingProxyType(terms), frozenset(values), listed)


def _plain_terms(values: Collection[str]) -> Mapping[str, Term]:
    return MappingProxyType({value: Term(value=value, label=value.replace("_", " ")) for value in values})
