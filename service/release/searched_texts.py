"""What of a record is searched, and what a search box completes: the fields that are marked so, and their translations."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from service.archive.fields import FormatField, RecordFields
from service.archive.marks import Searched
from service.archive.transcripts import shown_as, shown_names
from service.archive.words import plain_of
from service.release.projection import PublicRecord


class SearchedText(NamedTuple):
    """One text of a record: the field it stands in, its language, the segment of the transcript that it is or leads to, and
    where that begins in the recording, in seconds.
    """

    field: str
    text: str
    language: str
    segment: str | None = None
    start_s: float | None = None


def searched_parts(public: PublicRecord, language: str, record: RecordFields) -> Iterator[SearchedText]:
    """Yield the texts a record is found by. `language` is the archive's.

    Titles and summaries are the archive's own words about something in the record's language, and nothing says which of
    the two they are in: they count as in the record's, and every text is stemmed in the archive's language too.
    """
    own = public.get("language", language)
    for each in record.searched:
        if each.name not in public or each.behaviour == "own_fields":
            continue
        if (special := _SPECIAL.get(each.behaviour or "")) is not None:
            yield from special(public, each, own)
        else:
            for text, tag in _texts(public, (each,), own):
                yield SearchedText(each.name, text, tag)
    for tag, texts in public.get("translations", {}).items():
        for name, text in _flat(texts):
            for one in text if isinstance(text, list) else [text]:
                yield SearchedText(f"translations.{tag}.{name}", one, tag)
    yield from _own_parts(public, language, record)


def _flat(texts: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield each translated text with its name: those of the archive's own fields after `custom.`."""
    for name, text in texts.items():
        if isinstance(text, dict):
            yield from ((f"{name}.{inner}", one) for inner, one in text.items())
        else:
            yield name, text


def _own_parts(public: PublicRecord, language: str, record: RecordFields) -> Iterator[SearchedText]:
    """Yield what the archive's own fields say: their texts, and what their terms are called in every language."""
    stated = public.get("custom", {})
    for each in record.own if stated else ():
        if each.mark(Searched) is None or (value := stated.get(each.name)) is None:
            continue
        for one in value if each.is_list else (value,):
            if each.terms is None:
                yield SearchedText(f"custom.{each.name}", one, language)
            else:
                for tag, label in each.terms.labels(one):
                    yield SearchedText(f"custom.{each.name}", label, tag or language)


def _transcript(public: PublicRecord, each: FormatField, own: str) -> Iterator[SearchedText]:
    """Yield what is said in each segment, in each language that it can be read in."""
    for name, segment in shown_names(public):
        start_s = segment.get("start_s")
        for text, language in _texts(segment, each.searched_inner, segment.get("language", own)):
            yield SearchedText(each.name, text, language, name, start_s)
        for tag, translation in segment.get("translations", {}).items():
            yield SearchedText(f"translations.{tag}.{each.name}", translation["text"], tag, name, start_s)


def _index(public: PublicRecord, each: FormatField, own: str) -> Iterator[SearchedText]:
    """Yield the texts of a table of contents, in each language, each with the segment that it leads to."""
    entries = public.get(each.name, ())
    starts = dict(shown_names(public)) if any("segment" in entry for entry in entries) else {}
    for entry in entries:
        name = shown_as(public, entry["segment"]) if "segment" in entry else None
        start_s = entry.get("start_s", starts.get(name or "", {}).get("start_s"))
        for text, language in _texts(entry, each.searched_inner, own):
            yield SearchedText(each.name, text, language, name, start_s)
        for tag, texts in entry.get("translations", {}).items():
            for _, text in _flat(texts):
                for one in text if isinstance(text, list) else (text,):
                    yield SearchedText(f"translations.{tag}.{each.name}", one, tag, name, start_s)


#: How texts are found in fields that something is special about, by the name of their behaviour.
_SPECIAL: Mapping[str, Callable[[PublicRecord, FormatField, str], Iterator[SearchedText]]] = {
    "transcript": _transcript,
    "index": _index,
}


def _texts(holder: Mapping[str, Any], fields: Iterable[FormatField], language: str) -> Iterator[tuple[str, str]]:
    """Yield the texts in some searched fields of a record or of a part of one, each with its language: that which the part
    itself names, else that around it.
    """
    for each in fields:
        value = holder.get(each.name)
        if value is None:
            continue
        values = value if each.is_list else (value,)
        if each.part is None:
            for text in values:
                yield text, language
        else:
            for part in values:
                yield from _texts(part, each.searched_inner, part.get("language", language))


def names_of(public: PublicRecord, record: RecordFields) -> Iterator[str]:
    """Yield the titles, labels and names of a record, translated ones too: what a search box completes."""
    ways = _ways_to_names(record)
    for texts in (public, *public.get("translations", {}).values()):
        for way in ways:
            yield from _at(texts, way)


@lru_cache(512)
def _ways_to_names(record: RecordFields) -> tuple[tuple[str, ...], ...]:
    return tuple(_ways(record.fields))


def _ways(fields: Iterable[FormatField]) -> Iterator[tuple[str, ...]]:
    """Yield the names that lead to each name among some fields, in their parts too."""
    for each in fields:
        mark = each.mark(Searched)
        if mark is not None and mark.is_name:
            yield (each.name,)
        for way in _ways(each.inner):
            yield (each.name, *way)


def _at(holder: Mapping[str, Any], way: tuple[str, ...]) -> Iterator[str]:
    """Yield every text that a way leads to."""
    value = holder.get(way[0])
    for each in value if isinstance(value, list) else (value,):
        if isinstance(each, dict) and len(way) > 1:
            yield from _at(each, way[1:])
        elif isinstance(each, str) and len(way) == 1:
            yield each


#: Words of a name that a completion may begin with, and how much of the name is kept from there, in characters.
COMPLETED_WORDS, COMPLETION_LENGTH = 12, 32


def completion_keys(name: str) -> list[str]:
    """Return what is left of a name, folded, from each of its first words on."""
    words = plain_of(name[:400])
    text, start, keys = " ".join(words), 0, dict[str, None]()
    for word in words[:COMPLETED_WORDS]:
        keys[text[start : start + COMPLETION_LENGTH]] = None
        start += len(word) + 1
    return list(keys)
