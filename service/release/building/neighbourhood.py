"""What surrounds a record in the archive being published: labels, parents, responses, disputes of the other records."""

from functools import lru_cache
from typing import Any

import orjson

from service.release.building.gathered import Gathered
from service.release.disputes import claims_disagree
from service.release.projection import PublicRecord

#: How many places, topics and labels are cached while documents are rendered.
CACHED_LOOKUPS = 20_000


class Neighbourhood:
    """Looks up labels, parents and responses of other records while a record is rendered and indexed.

    Implements the protocols `documents.Surroundings` and `indexing.Hierarchies`.
    """

    def __init__(self, gathered: Gathered, language: str) -> None:
        #: The archive's own language.
        self.language = language
        self._ask = gathered.connection.execute
        keep = lru_cache(CACHED_LOOKUPS)
        self._row = keep(self._row)  # type: ignore[method-assign]
        self._called = keep(self._called)  # type: ignore[method-assign]
        #: The languages of translated labels that were asked for since this was emptied: each with whether a label is
        #: written in it, else it is translated into it.
        self.label_languages: set[tuple[str, bool]] = set()
        self.and_wider = keep(self._with_parents)
        self.country = keep(self._country)
        self._gathered = gathered
        self.related_from = gathered.related_from
        self.is_revised = gathered.is_revised
        self._is_in_dispute = gathered.is_in_dispute

    def is_disputed(self, event: PublicRecord) -> bool:
        """Tell whether what is said of an event cannot all be true."""
        return ("claims" in event and claims_disagree(event, self.and_wider)) or self._is_in_dispute(event["id"])

    def _row(self, record_id: str) -> tuple[Any, ...]:
        statement = "SELECT label, languages, detail, parent, latitude, longitude FROM record WHERE id = ?"
        row: tuple[Any, ...] = self._ask(statement, (record_id,)).fetchone()
        return row

    def label(self, record_id: str) -> str:
        text, languages = self._called(record_id)
        if languages:
            self.label_languages |= languages
        return text

    def _called(self, record_id: str) -> tuple[str, frozenset[tuple[str, bool]]]:
        label, languages, *_ = self._row(record_id)
        if languages is None:
            return label, frozenset()
        own, *others = orjson.loads(languages)
        return label, frozenset([(own or self.language, True), *((each, False) for each in others)])

    def responses_of(self, agent_id: str, event_id: str) -> list[PublicRecord]:
        return self._gathered.responses_of(agent_id, self.and_wider(event_id))

    def publisher(self, source_id: str) -> str | None:
        publisher: str | None = self._row(source_id)[2]
        return publisher

    def point(self, place_id: str) -> tuple[float, float] | None:
        *_, latitude, longitude = self._row(place_id)
        return None if latitude is None else (latitude, longitude)

    def _with_parents(self, record_id: str) -> tuple[str, ...]:
        chain = [record_id]
        while (parent := self._row(chain[-1])[3]) is not None:
            chain.append(parent)
        return tuple(chain)

    def _country(self, place_id: str) -> str | None:
        stated = (self._row(place)[2] for place in self.and_wider(place_id))
        return next((country for country in stated if country is not None), None)
