"""Which translation of a record is shown: lookup by RFC 4647, section 3.4. Knows no HTTP.

A release knows which languages the texts of each collection are in, so that a wish that can change nothing costs
nothing: the documents are then served as they are stored.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

import orjson

from service.release.documents import text_fields
from service.release.opening import Release

#: Wishes as language ranges in lower case, the dearest first.
Wishes = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Languages:
    """The languages of one collection's texts, in lower case."""

    originals: frozenset[str]
    translations: frozenset[str]

    def effective(self, wishes: Wishes) -> Wishes:
        """Return the wishes that can change what is shown of some record; none where the originals are shown anyway."""
        kept = []
        for wish in wishes:
            forms = set(widening(wish))
            if forms & (self.originals | self.translations):
                kept.append(wish)
            if len(self.originals) == 1 and forms & self.originals:
                break  # every record has this one, so that no later wish counts
        leads_away = any(set(widening(wish)) & self.translations for wish in kept)
        return tuple(kept) if leads_away else ()


def read_languages(release: Release) -> dict[str, Languages]:
    """Return the languages of each collection that has records."""
    found: dict[str, tuple[set[str], set[str]]] = {}
    for collection, language, originals, translations in release.rows(
        "SELECT collection, language, originals, translations FROM text_language"
    ):
        own, other = found.setdefault(collection, (set(), set()))
        if originals:
            own.add(language.lower())
        if translations:
            other.add(language.lower())
    return {name: Languages(frozenset(own), frozenset(other)) for name, (own, other) in found.items()}


def widening(wish: str) -> Iterable[str]:
    """Yield a language range and its wider forms: zh-hant-tw, zh-hant, zh."""
    parts = wish.split("-")
    while parts:
        yield "-".join(parts)
        parts.pop()
        # A single letter introduces what follows it and means nothing alone.
        if len(parts) > 1 and len(parts[-1]) == 1:
            parts.pop()


def look_up(wishes: Wishes, available: Collection[str]) -> str | None:
    """Return the tag that fits the first wish which any fits, in its own spelling; None where none does."""
    spelled = {tag.lower(): tag for tag in available}
    return next((spelled[form] for wish in wishes for form in widening(wish) if form in spelled), None)


def translate(document: bytes, wishes: Wishes) -> tuple[bytes, set[str]]:
    """Return a document with its texts in the language wished for, where there is a translation; and the languages that
    its texts are then in. A text that was not translated stays in the original.
    """
    shown = orjson.loads(document)
    language_of: dict[str, str] = shown["language_of"]
    # All of a record's own texts are in one language.
    own = next(iter(language_of.values()), None)
    # Where the original and a translation bear the same tag, the original is the answer.
    chosen = look_up(wishes, [*shown["translations"], *([own] if own else [])])
    if chosen is None or chosen == own:
        return document, set(language_of.values())
    translation = shown["translations"][chosen]
    for field in text_fields(shown["record"]):
        if (text := translation.get(field)) is not None:
            shown[field] = text
            language_of[field] = chosen
    if shown["record"] == "event":
        shown["date"]["note"] = shown["date_note"]
    return orjson.dumps(shown), set(language_of.values())
