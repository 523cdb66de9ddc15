"""What may be done with a field of the format, said once, in the field's own annotation.

A mark tells what the engine does with a field: finds its words, filters by it, counts it, sorts by it. How that is done
for each kind of field stands in the rooms that do it. Knows no model.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class IsDate:
    """Marks a text as a date in EDTF, which is shown with the days it lies between."""


@dataclass(frozen=True, slots=True)
class IsLanguage:
    """Marks a text as the tag of a language (BCP 47)."""


@dataclass(frozen=True, slots=True)
class IsAddress:
    """Marks a text as an address on the web."""


@dataclass(frozen=True, slots=True)
class FromVocabulary:
    """The field's values are terms of this list, to which an archive may add: see `vocabularies` in its head."""

    name: str


@dataclass(frozen=True, slots=True)
class TypedBy:
    """The field holds what another field of the record has, which is named beside it: a date, a place, a term."""

    #: The field beside it that names the one.
    beside: str


@dataclass(frozen=True, slots=True)
class Searched:
    """The words of the field are found by `q`. With `is_name`, search boxes complete it too."""

    is_name: bool = False


@dataclass(frozen=True, slots=True)
class Translated:
    """The field may have a translation, under its own name in `translations`."""

    #: Whether it is written in the language that the record itself names. Other texts are in the archive's own words.
    is_in_own_language: bool = False


@dataclass(frozen=True, slots=True)
class Filtered:
    """Lists can be filtered by the field's value, and its values counted as a facet."""

    #: What a record that is found has in common with the value, for the API's description. None for a filter that
    #: every list has, which is described with the lists.
    description: str | None = None
    #: The filter's name where it is not the field's own.
    name: str | None = None
    #: The value of a record finds also what names one that lies in it, is narrower, or is part of it.
    is_wide: bool = False
    #: Whether its values are counted. Those that nearly every record has for itself are not worth it.
    is_counted: bool = True
    #: The field is one of parts in a list that have dates, and only the part that is the latest counts.
    is_latest: bool = False


@dataclass(frozen=True, slots=True)
class Sorted:
    """Lists can be sorted by the field. Where it is the `default`, they are if nothing else is asked for."""

    is_default: bool = False


@dataclass(frozen=True, slots=True)
class ShownAsPresence:
    """The field is not shown; whether it is there is, under this name: its content has an address of its own."""

    name: str


@dataclass(frozen=True, slots=True)
class NotShown:
    """The field is part of the archive file and of its export, but not of what the API shows of a record."""


@dataclass(frozen=True, slots=True)
class Behaves:
    """Names a behaviour that only a few fields have. What it means stands in the rooms that act on it: `_SPECIAL` in
    `release/documents.py`, `release/indexing.py` and `catalogue/criteria.py`.
    """

    special: str
