"""Ukrainian words and the forms that a dictionary has them under. No stemmer of the index engine knows the language.

The dictionary is read when it is first asked, so that only a process that meets Ukrainian pays for it: about 50 ms and
15 MB.
"""

import json
import sys
from array import array
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pymorphy3_dicts_uk
from dawg_python import RecordDAWG

#: A paradigm and the place of a form in it, as the dictionary's automaton keeps them for every form.
_FORM = ">HH"


class _Dictionary(NamedTuple):
    """What is read of the dictionary. Its form is that of pymorphy, version 2.4, without what guesses unknown words."""

    forms: RecordDAWG
    #: Three numbers for each form: of its ending, of what it is grammatically, and of its beginning (the most-).
    paradigms: list["array[int]"]
    endings: list[str]
    beginnings: list[str]

    def bare(self, word: str, paradigm: int, place: int) -> str:
        """Return what all forms of a word have, given one of them."""
        forms = self.paradigms[paradigm]
        beginning = self.beginnings[forms[len(forms) // 3 * 2 + place]]
        return word[len(beginning) :].removesuffix(self.endings[forms[place]])


@cache
def _dictionary() -> _Dictionary:
    folder = Path(pymorphy3_dicts_uk.get_path())
    meta = dict(json.loads((folder / "meta.json").read_text()))
    numbers = array("H", (folder / "paradigms.array").read_bytes())
    if sys.byteorder == "big":
        numbers.byteswap()
    paradigms, start = [], 1
    while start < len(numbers):
        length = numbers[start]
        paradigms.append(numbers[start + 1 : start + 1 + length])
        start += 1 + length
    return _Dictionary(
        RecordDAWG(_FORM).load(str(folder / "words.dawg")),
        paradigms,
        json.loads((folder / "suffixes.json").read_text()),
        meta["compile_options"]["paradigm_prefixes"],
    )


def _known(word: str) -> list[tuple[int, int]]:
    return _dictionary().forms.get(word) or []


def load() -> None:
    """Read the dictionary now, where a first question may not wait for it."""
    _dictionary()


def dictionary_forms(spelling: str) -> list[str]:
    """Return the forms that the dictionary has a word under, in lower case: more than one where forms of two words are
    written alike, and the word itself where it is unknown.
    """
    word = spelling.replace("ʼ", "'")
    dictionary = _dictionary()
    found = set()
    for paradigm, place in _known(word):
        forms = dictionary.paradigms[paradigm]
        beginning = dictionary.beginnings[forms[len(forms) // 3 * 2]]
        found.add(beginning + dictionary.bare(word, paradigm, place) + dictionary.endings[forms[0]])
    return sorted(found) or [word]


def bare_forms(spelling: str) -> list[str]:
    """Return how all forms of a word begin, for each of the words that it may be a form of; the word itself where it is
    unknown.
    """
    word = spelling.replace("ʼ", "'")
    dictionary = _dictionary()
    # An apostrophe belongs to the letter after it, and means nothing at the end.
    return sorted({dictionary.bare(word, *form).rstrip("'") for form in _known(word)}) or [word]
