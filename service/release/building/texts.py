"""Writes transcripts and the texts of sources into tables of their own, because they are too long for lists.

Also counts which languages the texts of each collection are in.
"""

import hashlib
import sqlite3
from collections import Counter
from typing import Any

import orjson

from service.archive.identifiers import PLURALS
from service.release.documents import Surroundings, segment_documents
from service.release.labels import own_language
from service.release.projection import PublicRecord
from service.release.tables import SourceTextRow, TextLanguageRow, TranscriptRow, insert_statement


class TextWriter:
    """Writes transcripts, texts and languages of one release. Records come in the order of their ordinals."""

    def __init__(self, database: sqlite3.Connection, around: Surroundings) -> None:
        self.database = database
        self._around = around
        self._archive_language = around.language
        self._originals: Counter[tuple[str, str]] = Counter()
        self._translations: Counter[tuple[str, str]] = Counter()
        self._transcript = insert_statement(TranscriptRow)
        self._text = insert_statement(SourceTextRow)

    def add(self, ordinal: int, public: PublicRecord) -> None:
        """Write what one record has of these."""
        collection = PLURALS[public["record"]]
        self._originals[collection, own_language(public, self._archive_language)] += 1
        for language in public.get("translations", {}):
            self._translations[collection, language] += 1
        if public["record"] == "testimony" and (said := segment_documents(public, self._around)):
            self.database.execute(self._transcript, (ordinal, public["language"], orjson.dumps(said)))
            # A wish for a language is only listened to where something can be read in it.
            for language in {tag for segment in said for tag in segment["translations"]}:
                self._translations[collection, language] += 1
        for language in {tag for entry in public.get("index", ()) for tag in entry.get("translations", ())}:
            self._translations[collection, language] += 1
        if public["record"] == "source":
            text: dict[str, Any] = public.get("text", {})
            if public.get("verbatim") and "content" in text:
                content = text["content"].encode()
                row = (ordinal, public["language"], hashlib.sha256(content).digest(), content)
                self.database.execute(self._text, row)

    def finish(self) -> None:
        """Write which languages there are."""
        found = sorted({*self._originals, *self._translations})
        rows = [(*name, self._originals[name], self._translations[name]) for name in found]
        self.database.executemany(insert_statement(TextLanguageRow), rows)
