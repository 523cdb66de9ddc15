"""Completions for a search box: titles, labels and names in which a word begins with the typed text."""

from dataclasses import dataclass

from service.archive.words import plain_words
from service.catalogue.criteria import COLLECTIONS, SuggestCriteria
from service.release.opening import Release
from service.release.searched_texts import COMPLETION_LENGTH


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A name as written, its collection, and how many records of that collection have it; the record, where only one has."""

    text: str
    collection: str
    count: int
    record_id: str | None


_STATEMENT = (
    "SELECT name.id, name.text, name.count, record.id FROM completion JOIN name ON name.id = completion.name"
    " LEFT JOIN record ON record.ordinal = name.ordinal"
    " WHERE completion.collection = ? AND completion.key >= ? AND completion.key < ? ORDER BY completion.key LIMIT ?"
)


def suggest(release: Release, criteria: SuggestCriteria) -> list[Suggestion]:
    """Return names in which the typed text matches from the beginning of some word, most frequent first, then by name.

    Reads at most `2 * limit` completions of each collection, in alphabetical order, so that the cost has a bound. With
    more completions than that, "most frequent" means among those read.
    """
    words = plain_words(criteria.q)
    if not words:
        return []
    typed = " ".join(words)[:COMPLETION_LENGTH]
    if criteria.q[-1].isspace() and len(typed) < COMPLETION_LENGTH:
        typed += " "
    beyond = typed[:-1] + chr(ord(typed[-1]) + 1)
    found: dict[int, Suggestion] = {}
    for collection in criteria.among or COLLECTIONS:
        # A name can be found twice, through two of its words.
        binds = (collection, typed, beyond, 2 * criteria.limit)
        for number, text, count, record_id in release.rows(_STATEMENT, binds):
            found.setdefault(number, Suggestion(text, collection, count, record_id))
    ordered = sorted(found.values(), key=lambda each: (-each.count, plain_words(each.text), each.text))
    return ordered[: criteria.limit]
