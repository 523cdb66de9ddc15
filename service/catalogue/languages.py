"""Chooses the translation in which a record is shown, by the lookup of RFC 4647, section 3.4. Knows no HTTP.

A release lists the languages of each collection's texts. A wish for a language that no text has is dropped early, and
the stored documents are then served unchanged.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson

from service.archive.fields import ArchiveFields, RecordFields
from service.archive.identifiers import TYPE_OF_PREFIX
from service.release.addresses import read_stored
from service.release.document_parts import SegmentDocument
from service.release.labels import own_language, shown_label, translated_labels
from service.release.opening import Release
from service.release.projection import PublicRecord

#: Returns what records are called in the languages wished for, with the language: of those that are called otherwise there.
Called = Callable[[Collection[str]], dict[str, tuple[str, str]]]

#: The languages that a reader asks for, as language ranges in lower case, most wanted first.
Wishes = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Languages:
    """The languages of one collection's texts, labels of other records that stand in them included, in lower case."""

    originals: frozenset[str]
    translations: frozenset[str]

    def effective(self, wishes: Wishes) -> Wishes:
        """Return the wishes that could change what is shown; none where every record is shown in its original anyway."""
        kept = []
        for wish in wishes:
            forms = set(widening(wish))
            if forms & (self.originals | self.translations):
                kept.append(wish)
            if len(self.originals) == 1 and forms & self.originals:
                break  # every record has this language, so no later wish is ever reached
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
    for collection, language, is_original in release.rows(
        "SELECT collection, language, is_original FROM label_language"
    ):
        found[collection][0 if is_original else 1].add(language.lower())
    for name, (_, other) in found.items():
        other |= {language.lower() for language in label_languages(release.fields.collection(name))}
    return {name: Languages(frozenset(own), frozenset(other)) for name, (own, other) in found.items()}


def label_languages(record: RecordFields) -> Iterable[str]:
    """Yield the languages that the labels of terms which records of a type may have are translated into."""
    for by in record.filters:
        if by.field.terms is not None:
            yield from by.field.terms.languages


def widening(wish: str) -> Iterable[str]:
    """Yield a language range and its wider forms: zh-hant-tw, zh-hant, zh."""
    parts = wish.split("-")
    while parts:
        yield "-".join(parts)
        parts.pop()
        # A single letter only introduces the subtag after it (an extension), so it goes together with that subtag.
        if len(parts) > 1 and len(parts[-1]) == 1:
            parts.pop()


def look_up(wishes: Wishes, available: Collection[str]) -> str | None:
    """Return the available tag that matches the earliest wish, as it is spelled in `available`, or None."""
    spelled = {tag.lower(): tag for tag in available}
    return next((spelled[form] for wish in wishes for form in widening(wish) if form in spelled), None)


def translate(
    documents: Sequence[bytes], wishes: Wishes, fields: ArchiveFields, called: Called
) -> tuple[list[bytes], set[str]]:
    """Return documents in the best language that their translations offer, the labels of other records in them too, and the
    set of languages of their texts.

    Texts without a translation stay in the original language.
    """
    read = [_translated(orjson.loads(document), wishes, fields) for document in documents]
    references = [[*references_in(each.shown)] for each in read]
    labels = called({reference["id"] for some in references for reference in some})
    languages = set[str]()
    translated = []
    for document, (shown, has_changed), some in zip(documents, read, references, strict=True):
        languages.update(shown["language_of"].values())
        languages.update(language for entry in shown.get("index", ()) for language in entry["language_of"].values())
        renamed = [reference for reference in some if reference["id"] in labels]
        for reference in renamed:
            reference["label"], language = labels[reference["id"]]
            languages.add(language)
        translated.append(orjson.dumps(shown) if has_changed or renamed else document)
    return translated, languages


def translated_texts(document: bytes, wishes: Wishes, fields: ArchiveFields) -> dict[str, Any]:
    """Return a stored document as an object, its own texts in the best language that its translations offer, and its
    addresses without that of the root.
    """
    shown = read_stored(document)
    return _translated(shown, wishes, fields).shown if wishes else shown


def references_in(shown: object) -> Iterator[dict[str, Any]]:
    """Yield every reference to a record in documents, however deep, in no order."""
    waiting = [shown]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            if "label" in part and "record" not in part and is_record_id(part.get("id")):
                yield part
            waiting += part.values()
        elif isinstance(part, list | tuple):
            waiting += part


def is_record_id(value: object) -> bool:
    """Tell whether a value has the prefix of a record's identifier."""
    prefix, dash, _ = value.partition("-") if isinstance(value, str) else ("", "", "")
    return bool(dash) and prefix in TYPE_OF_PREFIX


class _Translated(NamedTuple):
    shown: dict[str, Any]
    has_changed: bool


def _translated(shown: dict[str, Any], wishes: Wishes, fields: ArchiveFields) -> _Translated:
    record = fields[shown["record"]]
    language_of: dict[str, str] = shown["language_of"]
    # All of a record's own texts are in one language.
    own = next(iter(language_of.values()), None)
    # If the original and a translation have the same tag, the original is shown.
    chosen = look_up(wishes, [*shown["translations"], *([own] if own else [])])
    has_changed = _relabel(shown["custom"], record, wishes, own) | _put_into_entries(shown, wishes)
    if chosen is not None and chosen != own:
        _put(shown, shown["translations"][chosen], chosen, record)
        has_changed = True
    return _Translated(shown, has_changed)


def _put(shown: dict[str, Any], translation: dict[str, Any], chosen: str, record: RecordFields) -> None:
    """Put the texts of a translation into a document."""
    language_of = shown["language_of"]
    for field in record.translated:
        if (text := translation.get(field)) is not None:
            shown[field] = text
            language_of[field] = chosen
    for name, text in translation.get("custom", {}).items():
        shown["custom"][name] = text
        language_of[f"custom.{name}"] = chosen
    if shown["record"] == "event":
        shown["date"]["note"] = shown["date_note"]


def _put_into_entries(shown: dict[str, Any], wishes: Wishes) -> bool:
    """Put each entry of a table of contents into the best language that it offers, and tell whether any is in another."""
    has_changed = False
    for entry in shown.get("index", ()):
        language_of: dict[str, str] = entry["language_of"]
        own = language_of["title"]
        chosen = look_up(wishes, [*entry["translations"], own]) if entry["translations"] else own
        if chosen is None or chosen == own:
            continue
        has_changed = True
        for name, text in entry["translations"][chosen].items():
            if text:
                entry[name], language_of[name] = text, chosen
    return has_changed


def _relabel(custom: dict[str, Any], record: RecordFields, wishes: Wishes, own: str | None) -> bool:
    """Put the labels of the archive's own terms into a language wished for, and tell whether there were any."""
    has_changed = False
    for each in record.own:
        terms = each.terms
        if terms is None or not terms.languages or not custom[each.name]:
            continue
        language = look_up(wishes, [*terms.languages, *([own] if own else [])])
        for term in custom[each.name] if each.is_list else (custom[each.name],):
            term["label"] = terms.label(term["value"], language)
            has_changed = True
    return has_changed


def called_in(public: PublicRecord, wishes: Wishes, archive_language: str) -> str:
    """Return what other records show of this one, in the best language that its translations offer."""
    translated = translated_labels(public)
    # If the original and a translation have the same tag, the original is shown.
    translated.pop(own := own_language(public, archive_language), None)
    chosen = look_up(wishes, [*translated, own]) if translated else None
    return translated.get(chosen or "", shown_label(public))


def spoken_in(segments: list[SegmentDocument], wishes: Wishes, called: Called) -> list[SegmentDocument]:
    """Return the segments of a transcript in the best language that each offers; without a translation, as they were said.
    Who speaks is called as the agent is in the languages wished for, unless the transcript has a name of its own.
    """
    if not wishes:
        return segments
    labels = called({agent["id"] for each in segments if (agent := each["speaker_agent"]) is not None})
    return [_spoken_by(_segment_in(each, wishes), labels) for each in segments]


def _spoken_by(segment: SegmentDocument, labels: dict[str, tuple[str, str]]) -> SegmentDocument:
    agent = segment["speaker_agent"]
    if agent is None or agent["id"] not in labels:
        return segment
    label, _ = labels[agent["id"]]
    speaker = label if segment["speaker"] == agent["label"] else segment["speaker"]
    return {**segment, "speaker": speaker, "speaker_agent": {"id": agent["id"], "label": label}}


def _segment_in(segment: SegmentDocument, wishes: Wishes) -> SegmentDocument:
    own = segment["language"]
    chosen = look_up(wishes, [*segment["translations"], own])
    if chosen is None or chosen == own:
        return segment
    return {**segment, "language": chosen, "text": segment["translations"][chosen]["text"]}


def languages_of(segments: list[SegmentDocument]) -> list[str]:
    """Return the languages that segments of a transcript can be read in, sorted."""
    return sorted({tag for each in segments for tag in (each["language"], *each["translations"])})
