"""The order of texts in a language: what each letter is sorted as, by the alphabet that people of that language learn.

No well-kept library does this without a compiler or with tailored alphabets, so the alphabets stand here: those of the
Unicode CLDR, as far as they differ from the order of code points once accents are taken away. Letters that are the same but for
case and accents are one. Languages that are missing are sorted so too; Chinese and Japanese, by character.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from service.archive.words import without_marks

#: Longest sort key, in characters: enough to order by, short enough to keep the index narrow.
KEY_LENGTH = 64
#: Letters that Unicode does not take apart, as the words of a search are folded too: Ø is found and sorted with o.
_LIKE: Final = {
    "æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ð": "d", "ħ": "h", "ı": "i", "ł": "l", "ŋ": "n", "ŧ": "t", "þ": "th"
}  # fmt: skip
#: Follows a letter in the key of one that comes right after it in an alphabet. Sorted after every letter, but before what
#: stands for an unknown value.
_AFTER: Final = 0x10FF00
#: By how much letters of other scripts are moved, so that they come after those of the language's own.
_BEHIND: Final = 0xF0000

_NORDIC: Final = "y=ü, z å ä=æ ö=ø"
_DANISH: Final = "y=ü, z æ=ä ø=ö å=aa"
_SOUTH_SLAVIC: Final = "c č ć, d dž đ, l lj, n nj, s š, z ž"
#: By language: a letter, and those that follow it in the alphabet before the next one, for each letter of which that cannot be told
#: from the code points. Letters that are sorted as one have `=` between them.
_LETTERS: Final = {
    "az": "c ç, e ə, g ğ, h x ı, k q, o ö, s ş, u ü, z w",
    "be": "е ё, з і й, у ў",
    "bg": "и й",
    "bs": _SOUTH_SLAVIC,
    "cs": "c č, h ch, r ř, s š, z ž",
    "da": _DANISH,
    "eo": "c ĉ, g ĝ, h ĥ, j ĵ, s ŝ, u ŭ",
    "es": "n ñ",
    "et": "s š z ž, w õ ä ö ü",
    "eu": "n ñ",
    "fa": "ب پ, ج چ, ز ژ, ق ک=ك گ, ن و ه ی=ي=ى",
    "fi": _NORDIC,
    "gl": "n ñ",
    "he": "כ=ך, מ=ם, נ=ן, פ=ף, צ=ץ",
    "hr": _SOUTH_SLAVIC,
    "hu": "c cs, d dz dzs, g gy, l ly, n ny, o ö=ő, s sz, t ty, u ü=ű, z zs",
    "is": "a á, d ð, e é, i í, o ó, u ú, y ý, z þ æ ö=ø å",
    "kk": "а ә, г ғ, и й, к қ, н ң, о ө, у ұ ү, х һ, ы і",
    "ky": "и й, н ң, о ө, у ү",
    "lt": "c č, i=y, s š, z ž",
    "lv": "c č, g ģ, i=y, k ķ, l ļ, n ņ, s š, z ž",
    "mk": "д ѓ, з ѕ, и ј, л љ, н њ, т ќ, ч џ",
    "mn": "и й, о ө, у ү",
    "nb": _DANISH,
    "nn": _DANISH,
    "no": _DANISH,
    "pl": "a ą, c ć, e ę, l ł, n ń, o ó, s ś, z ź ż",
    "ro": "a ă â, i î, s ș=ş, t ț=ţ",
    "ru": "и й",
    "sk": "a ä, c č, h ch, o ô, r ř, s š, z ž",
    "sl": "c č ć, d đ, s š, z ž",
    "sq": "c ç, d dh, e ë, g gj, l ll, n nj, r rr, s sh, t th, x xh, z zh",
    "sr": "д ђ, и ј, л љ, н њ, т ћ, ч џ",
    "sr-latn": _SOUTH_SLAVIC,
    "sv": _NORDIC,
    "tg": "г ғ, и ӣ й, к қ, у ӯ, х ҳ, ч ҷ",
    "tr": "c ç, g ğ, h ı, o ö, s ş, u ü",
    "tt": "а ә, ж җ, и й, н ң, о ө, у ү, х һ",
    "uk": "г ґ, е є, и і ї й",
    "vi": "a ă â, d đ, e ê, o ô ơ, u ư",
}
#: The first letters of scripts that come before all others in the languages that are written in them.
_SCRIPTS: Final = {
    "α": ("el",),
    "а": ("be", "bg", "kk", "ky", "mk", "mn", "ru", "sr", "tg", "tt", "uk"),
    "ա": ("hy",),
    "א": ("he", "yi"),
    "ء": ("ar", "ckb", "fa", "ps", "ur"),
    "ა": ("ka",),
    "ሀ": ("am", "ti"),
}
_OWN_SCRIPT: Final = {language: first for first, languages in _SCRIPTS.items() for language in languages}
#: Languages that have an i without a dot, of which I is the capital.
_DOTLESS: Final = frozenset({"az", "tr"})


#: Quotation marks, dashes and the like: they come before letters, as a space does.
_PUNCTUATION: Final = {
    code: " " for code in (*range(0xA1, 0xC0), 0x60C, 0x61B, 0x61F, *range(0x2010, 0x2070)) if not chr(code).isalnum()
}
_MARKS: Final = frozenset(chr(code) for code in range(0x300, 0x370))


class Collation:
    """The order of texts in one language."""

    def __init__(self, language: str) -> None:
        primary, *further = language.split("-")
        is_latin = "latn" in further
        letters = dict(_read(_LETTERS.get(f"{primary}-latn" if is_latin else primary, "")))
        self._letters = letters
        marks = _MARKS & {each for letter in letters for each in letter}
        #: The marks that make no letter of the alphabet: they may stand between a letter and one that does.
        self._other_marks = str.maketrans(dict.fromkeys(_MARKS - marks))
        longest_first = "|".join(map(re.escape, sorted(letters, key=len, reverse=True)))
        # A letter with a mark is another one: aå is not aa.
        self._pattern = re.compile(f"(?:{longest_first})" + (f"(?![{''.join(sorted(marks))}])" if marks else ""))
        self._is_dotless = primary in _DOTLESS
        first = "a" if is_latin else _OWN_SCRIPT.get(primary, "a")
        behind = {code: chr(code + _BEHIND) for code in range(ord("a"), ord(first)) if chr(code).isalpha()}
        like = {ord(letter): plain.translate(behind) for letter, plain in _LIKE.items()}
        self._as = _PUNCTUATION | behind | like
        #: Whether texts in ASCII are in the order of their code points.
        self._is_plain = not behind and not self._is_dotless and not any(each.isascii() for each in letters)

    def key(self, text: str) -> str:
        """Return the key that a text is sorted by: keys that are compared by code points are in the order of the language."""
        if self._is_plain and text.isascii():
            return text.lower()[:KEY_LENGTH]
        if self._is_dotless:
            text = text.replace("I", "ı").replace("İ", "i")
        text = unicodedata.normalize("NFKD", text.casefold())
        if self._letters:
            text = self._pattern.sub(lambda found: self._letters[found[0]], text.translate(self._other_marks))
        return without_marks(text).translate(self._as)[:KEY_LENGTH]


@lru_cache(64)
def collation_of(language: str) -> Collation:
    """Return the order of texts in a language (BCP 47)."""
    return Collation(language.lower())


def _read(letters: str) -> Iterator[tuple[str, str]]:
    """Yield the letters of an alphabet that need to be put in their place, taken apart, each with its key."""
    for group in filter(None, letters.split(", ")):
        base, *following = group.split(" ")
        plain, *same = base.split("=")
        yield from ((_apart(each), plain) for each in same)
        for number, alike in enumerate(following):
            yield from ((_apart(each), plain + chr(_AFTER + number)) for each in alike.split("="))


def _apart(letter: str) -> str:
    return unicodedata.normalize("NFKD", letter)
