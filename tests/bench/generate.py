"""An invented archive of any size, the same each time: for measuring, not for reading.

Places, people, organisations and the words themselves are made up from syllables. Country codes are those of places
where nobody lives. What is lifelike is the shape: languages, how often words come, how records refer to each other.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from itertools import accumulate, chain, count, cycle
from pathlib import Path
from random import Random
from types import MappingProxyType
from typing import Any, Literal, TypeVar

import orjson

Fields = dict[str, Any]
T = TypeVar("T")

#: What an archive holds beside what every one does. plain: nothing; real: own fields, claims, relations and files; many
#: fields: 100 own fields, and a vocabulary of 10,000 terms.
Holding = Literal["plain", "real", "many fields"]

SEED = 20_260_131
#: Words of each language; the nth is drawn about 1/n as often as the first (Zipf).
VOCABULARY = 8000
#: Entries of the list that words are drawn from: enough for the rarest word to have one.
DRAWN_FROM = 2**17
#: Words of the text that all sources of a language are stretches of, so that passages have true hashes.
SHEET_WORDS = 40_000
#: One record in so many is not public, in the collections that have such.
HIDDEN_ONE_IN = 200

HEAD: Fields = {
    "format": "testimony-archive/1",
    "archive": {
        "id": "invented",
        "title": "An invented archive",
        "description": "Made by a program to measure with. Nobody in it exists and nothing in it happened.",
        "language": "en",
        "licence": "CC0-1.0",
        "publisher": {"name": "A program"},
        "contact": "There is nobody to write to.",
        "coverage": "Nothing that is real.",
    },
}

_WEAPONS = ("baton", "shield", "water cannon", "gas", "vehicle", "none seen")
#: What the head declares of an archive that has own fields.
DECLARED: Fields = {
    "vocabularies": {
        "weapon": {"title": "Weapons", "terms": [{"value": each.replace(" ", "_"), "label": each} for each in _WEAPONS]}
    },
    "fields": {
        "event": [
            {"name": "weapons", "label": "Weapons", "kind": "term", "vocabulary": "weapon", "many": True},
            {"name": "injured", "label": "People injured", "kind": "number"},
        ],
        "testimony": [{"name": "setting", "label": "Where it was told", "kind": "text"}],
    },
}

#: Own fields and terms of an archive that has very many, and how many of these fields a testimony states.
MANY_FIELDS, MANY_TERMS, STATED = 100, 10_000, 10
#: The kinds that these fields have, in turn.
MANY_KINDS = ("term", "number", "text", "date", "boolean")


def _declared_many() -> Fields:
    """Return what the head declares of an archive with very many own fields and terms: a tenth of the terms have others below."""
    tops = MANY_TERMS // 10
    terms: list[Fields] = [{"value": f"term-{number:05}", "label": f"Term {number}"} for number in range(MANY_TERMS)]
    for number, term in enumerate(terms[tops:]):
        term["broader"] = f"term-{number % tops:05}"
    fields = []
    for number, kind in zip(range(MANY_FIELDS), cycle(MANY_KINDS), strict=False):
        field = {"name": f"field_{number:03}", "label": f"Field {number}", "kind": kind}
        fields.append({**field, "vocabulary": "many"} if kind == "term" else field)
    return {"vocabularies": {"many": {"title": "Many terms", "terms": terms}}, "fields": {"testimony": fields}}


# tag, share of testimonies, consonants, vowels
_SCRIPTS = (
    ("en", 30, "b d f g h k l m n p r s t v w th sh", "a e i o u ea"),
    ("ru", 22, "б в г д ж з к л м н п р с т ч", "а е и о у я ы"),
    ("uk", 14, "б в г ґ д ж з к л м н п р с т", "а е и і о у ї є"),
    ("es", 10, "b c d f l m n ñ p r s t v rr", "a e i o u á é ó"),
    ("ar", 9, "ب ت ج د ر س ش ع ف ق ك ل م ن ه", "ا و ي"),
    ("de", 6, "b d f g h k l m n r s t w sch", "a e i o u ä ö ü ei"),
    ("fr", 6, "b c d f g l m n p r s t v ch", "a e i o u é è ou"),
    ("tr", 3, "b c ç d g ğ k l m n r s ş t y", "a e ı i o ö u ü"),
)

_HEADINGS = ("Custody", "Home", "Speech", "Work")
_ASPECTS = ("notice", "access", "redress")
_DETAILS = ("first day", "afterwards", "by letter", "at night")

_UNINHABITED = ("AQ", "BV", "GS", "HM", "TF", "UM")

_SOURCE_TYPES = ("video", "article", "report", "interview", "court_record", "audio", "document", "social_media")
_TIMED = frozenset({"video", "audio", "interview"})
_RIGHTS = ("http://rightsstatements.org/vocab/InC/1.0/", "CC-BY-4.0", "http://rightsstatements.org/vocab/CNE/1.0/")
_EVENT_TYPES = ("detention", "arrest", "threat", "displacement", "policy", "protest", "investigation", "other")
_ACTS = ("search", "refusal of counsel", "confiscation", "eviction")
_RESPONSES = ("replied", "denied", "acknowledged_receipt", "declined", "no_response", "referred", "not_stated")
_ATTRIBUTIONS = ("labelled", "first_person", "contextual")
_CONSENT = ("direct", "published_source", "guardian")

# Every kind of date of the profile; {y} {m} {d} of one day and {Y} {M} {D} of a later one. None is an unknown date.
_DATES = (
    *("{y}-{m}-{d}",) * 12,
    *("{y}-{m}", "{y}", "{y}-{m}-{d}?", "{y}-{m}~", "{y}%", "{y}-{m}-XX", "{y}-XX", "{y}-XX-XX", "20XX", "201X"),
    *("XXXX-{m}-{d}", "{y}-{m}-{d}/{Y}-{M}-{D}", "{y}-{m}/{Y}-{M}", "{y}/..", "../{y}-{m}", "{y}-{m}-{d}/", "/{y}"),
    *("{y}-{m}-{d}~/{Y}-{M}", None),
)

# What a figure n is stated and coded as.
_FIGURES: tuple[tuple[str, Any], ...] = (
    ("exact", lambda n: ("{}", {"value": n, "lower": n, "upper": n, "bounds_basis": "stated"})),
    ("about", lambda n: ("some {}", {"value": n, "bounds_basis": "none"})),
    ("at_least", lambda n: ("at least {}", {"value": n, "lower": n, "bounds_basis": "stated"})),
    (
        "more_than",
        lambda n: ("over {}", {"value": n, "lower": n, "lower_inclusive": False, "bounds_basis": "stated"}),
    ),
    ("at_most", lambda n: ("up to {}", {"value": n, "upper": n, "bounds_basis": "stated"})),
    (
        "less_than",
        lambda n: ("under {}", {"value": n, "upper": n, "upper_inclusive": False, "bounds_basis": "stated"}),
    ),
    ("between", lambda n: ("{} or a few more", {"lower": n, "upper": n + 3, "bounds_basis": "derived"})),
    ("order_of_magnitude", lambda n: ("hundreds", {"lower": 100, "bounds_basis": "convention"})),
    ("most", lambda n: ("most", {"bounds_basis": "none"})),
    ("all", lambda n: ("all", {"bounds_basis": "none"})),
    ("none", lambda n: ("none", {"value": 0, "lower": 0, "upper": 0, "bounds_basis": "stated"})),
)


class Tongue:
    """One language: its words, how often each comes, and the text that its sources are stretches of."""

    def __init__(self, tag: str, consonants: str, vowels: str) -> None:
        self.tag = tag
        openings, nuclei = consonants.split(), vowels.split()
        self._random = random = Random(f"{SEED} {tag}")
        words: dict[str, None] = {}
        while len(words) < VOCABULARY:
            # What is said often is short.
            syllables = random.randint(1, 2) if len(words) < 80 else random.randint(2, 4)
            words["".join(random.choice(openings) + random.choice(nuclei) for _ in range(syllables))] = None
        self._rare = list(words)[200:]
        # Each word as often as it is likely to come: drawing from a list is three times as fast as drawing by weight.
        total = sum(1 / (rank + 2.7) for rank in range(VOCABULARY))
        shares = (round(DRAWN_FROM / total / (rank + 2.7)) for rank in range(VOCABULARY))
        self._drawn = [word for word, share in zip(words, shares, strict=True) for _ in range(share)]
        self.sheet = self.prose(SHEET_WORDS)

    def words(self, number: int) -> list[str]:
        return self._random.choices(self._drawn, k=number)

    def title(self, number: int) -> str:
        return " ".join(self.words(number)).capitalize()

    def name(self) -> str:
        """Return a name: of rarer words, since names are."""
        return self._random.choice(self._rare).capitalize()

    def prose(self, number: int) -> str:
        words, sentences, start = self.words(number), [], 0
        while start < number:
            end = start + 6 + int(self._random.random() * 14)
            sentences.append(" ".join(words[start:end]).capitalize() + ".")
            start = end
        return " ".join(sentences)


#: Words that no language here makes up, for searches whose matches are known: in half of the testimonies, and in few.
COMMON, RARE = "quillhaven", "zephyrstone"
#: Of how many testimonies one has the rare word.
RARE_EVERY = 5000


def _marked(number: int) -> str:
    """Return the marking words that the summary of a testimony ends with, if any."""
    return (f" {COMMON}" if number % 2 else "") + (f" {RARE}" if number % RARE_EVERY == 1 else "")


def is_hidden(number: int) -> bool:
    """Tell whether the record with this number is not public. Nothing public refers to such a record."""
    return number % HIDDEN_ONE_IN == HIDDEN_ONE_IN - 1


class _Archive:
    """All records, one after the other. Keeps only what later records refer to."""

    def __init__(self, testimonies: int, *, holding: Holding) -> None:
        self._testimonies = testimonies
        self._holding = holding
        #: Draws what real archives hold beside all else, so that all else is the same without it.
        self._beside = Random(f"{SEED} beside")
        #: The last public testimony.
        self._last: str | None = None
        self._random = Random(SEED)
        self._tongues = [Tongue(tag, consonants, vowels) for tag, _, consonants, vowels in _SCRIPTS]
        self._shares = list(accumulate(share for _, share, *_ in _SCRIPTS))
        self._sources: list[Fields] = []
        self._verbatim: list[Fields] = []
        self._courts: list[Fields] = []
        #: Who is accused in which event, for responses to come.
        self._accused: list[tuple[str, str]] = []
        self._organisations: list[str] = []
        self._places: list[str] = []
        self._topics: list[str] = []
        self._protected: list[bool] = []
        self._events = max(5, testimonies // 5)

    def lines(self) -> Iterator[Fields]:
        """Yield the head and every record, each with its type."""
        declared = {"plain": {}, "real": DECLARED, "many fields": _declared_many()}[self._holding]
        yield {**HEAD, "archive": HEAD["archive"] | declared}
        parts = {
            "topic": self.topics(),
            "place": self.places(),
            "agent": chain(self.organisations(), self.witnesses()),
            "source": self.sources(),
            "event": self.events(),
            "testimony": self.testimonies(),
            "statistic": self.statistics(),
            "response": self.responses(),
            "withdrawn": self.withdrawals(),
        }
        for record, fields in parts.items():
            for number, one in enumerate(fields):
                yield {"record": record, **one, **self._more(record, number, one)}

    # --- Choosing -----------------------------------------------------------------------------------------------------

    def _chance(self, share: float) -> bool:
        return self._random.random() < share

    def _one(self, values: Sequence[T]) -> T:
        return values[int(self._random.random() * len(values))]

    def _tongue(self) -> Tongue:
        [tongue] = self._random.choices(self._tongues, cum_weights=self._shares)
        return tongue

    def _date(self, form: str) -> str:
        first = date(2009, 1, 1) + timedelta(days=int(self._random.random() ** 0.5 * 6000))
        last = first + timedelta(days=1 + int(self._random.random() * 400))
        early, late = (str(day).split("-") for day in (first, last))
        return form.format(**dict(zip("ymd", early, strict=True)), **dict(zip("YMD", late, strict=True)))

    def _day(self) -> str:
        return self._date("{y}-{m}-{d}")

    def _access(self, number: int, *, footing: Mapping[str, str] = MappingProxyType({})) -> Fields:
        """Return `access`, if there is any: restricted, embargoed, under an embargo that has ended, or its footing.

        `footing` is what a public record has of it that says nothing else.
        """
        if is_hidden(number):
            secret = {"note": "Never published.", "file": number}
            if number % (2 * HIDDEN_ONE_IN) < HIDDEN_ONE_IN:
                return {"access": {"visibility": "restricted", "private": secret}}
            return {"access": {"visibility": "embargoed", "embargo_until": "2999-01-01", "private": secret}}
        if number % HIDDEN_ONE_IN == 1:
            return {"access": {"visibility": "embargoed", "embargo_until": "2020-01-01", **footing}}
        if number % 3 == 0:
            return {"access": {"consent_basis": self._one(_CONSENT), "private": {"box": number}}}
        return {"access": {**footing}} if footing else {}

    def _citation(self, source: Fields, *, anchored: bool) -> Fields:
        """Return a citation: of an exact passage if that is allowed, of a page or time, or of the source alone."""
        kind = self._random.random()
        cited: Fields = {"source": source["id"]}
        if anchored and kind < 0.5 and source["sheet"] is not None:
            text: str = source["sheet"][source["at"] : source["at"] + source["length"]]
            start = int(self._random.random() * (len(text) - 240))
            passage = text[start : start + 40 + int(kind * 400)]
            cited |= {"start": start, "end": start + len(passage)}
            cited["sha256"] = hashlib.sha256(passage.encode()).hexdigest()
            cited["masked"] = True  # passages of made-up words name nobody
            if source["verbatim"]:
                cited["quote"] = passage
        elif kind < 0.8:
            if source["duration"] is not None:
                start = int(self._random.random() * (source["duration"] - 60))
                cited["time"] = [start, start + 45]
            else:
                cited["page"] = 1 + int(kind * 300)
        return cited

    def _citations(self, *, anchored: bool = True) -> list[Fields]:
        number = 2 if self._chance(0.3) else 1
        return [self._citation(self._one(self._sources), anchored=anchored) for _ in range(number)]

    def _event(self) -> str:
        number = int(self._random.random() * self._events)
        return f"evt-{number - is_hidden(number):07}"

    # --- What real archives hold beside: own fields, claims, relations, files ---------------------------------------------

    def _more(self, record: str, number: int, fields: Fields) -> Fields:
        """Return what a record has of these."""
        if self._holding != "real":
            return self._many_values() if self._holding == "many fields" and record == "testimony" else {}
        match record:
            case "event":
                return self._more_of_event()
            case "testimony":
                return self._more_of_testimony(number, fields["id"])
            case "source":
                return self._file(fields["id"]) if number % 2 else {}
        return {}

    def _more_of_event(self) -> Fields:
        draw = self._beside
        weapons = [each.replace(" ", "_") for each in draw.sample(_WEAPONS, 2)]
        more: Fields = {"custom": {"weapons": weapons, "injured": draw.randrange(40)}}
        if draw.random() < 0.2:
            claim = {
                "field": "place",
                "value": draw.choice(self._places),
                "asserted_by": draw.choice(self._organisations),
            }
            more["claims"] = [{**claim, "citations": [{"source": draw.choice(self._sources)["id"]}]}]
        return more

    def _more_of_testimony(self, number: int, own: str) -> Fields:
        more: Fields = {"custom": {"setting": self._beside.choice(("at home", "by telephone", "in the office"))}}
        if self._last is not None and self._beside.random() < 0.1:
            more["relations"] = [{"type": "corroborates", "to": self._last}]
        if not is_hidden(number):
            self._last = own
        return more

    def _many_values(self) -> Fields:
        draw = self._beside
        values: dict[str, Callable[[], Any]] = {
            "term": lambda: f"term-{draw.randrange(MANY_TERMS):05}",
            "number": lambda: draw.randrange(1000),
            "text": lambda: draw.choice(("at home", "by telephone", "in the office")),
            "date": lambda: f"{draw.randrange(2009, 2026)}-{draw.randrange(1, 13):02}",
            "boolean": lambda: draw.random() < 0.5,
        }
        stated = sorted(draw.sample(range(MANY_FIELDS), STATED))
        return {"custom": {f"field_{number:03}": values[MANY_KINDS[number % len(MANY_KINDS)]]() for number in stated}}

    def _file(self, source: str) -> Fields:
        stated = {"name": "scan.pdf", "url": f"https://files.invalid/{source}", "media_type": "application/pdf"}
        digest = hashlib.sha256(source.encode()).hexdigest()
        return {
            "files": [{**stated, "bytes": 40_000, "sha256": digest, "role": "original", "public": True, "masked": True}]
        }

    # --- Records, a type at a time ------------------------------------------------------------------------------------

    def topics(self) -> Iterator[Fields]:
        numbers = count(1)

        def topic(label: str, broader: str | None) -> Fields:
            fields: Fields = {"id": f"top-{next(numbers):03}", "label": label, "description": f"{label}: all of it."}
            self._topics.append(fields["id"])
            return fields if broader is None else {**fields, "broader": broader}

        for heading in _HEADINGS:
            yield (top := topic(heading, None))
            for aspect in _ASPECTS:
                yield (middle := topic(f"{heading}: {aspect}", top["id"]))
                for detail in _DETAILS:
                    yield topic(f"{heading}: {aspect}, {detail}", middle["id"])

    def places(self) -> Iterator[Fields]:
        tongue = self._tongues[0]
        for country_number, code in enumerate(_UNINHABITED):
            country = f"plc-{country_number}"
            yield {"id": country, "name": tongue.name(), "kind": "country", "country": code}
            for region_number in range(4):
                region = f"{country}-{region_number}"
                yield {"id": region, "name": tongue.name(), "kind": "region", "part_of": country}
                for city_number in range(5):
                    city = f"{region}-{city_number}"
                    latitude, longitude = -(50 + 25 * self._random.random()), 360 * self._random.random() - 180
                    point = {"latitude": round(latitude, 3), "longitude": round(longitude, 3), "radius_m": 5000}
                    names = {"translations": {"ru": {"name": self._tongues[1].name()}}}
                    yield {"id": city, "name": tongue.name(), "kind": "city", "part_of": region, **point, **names}
                    self._places.append(city)
                    for site_number in range(4):
                        site = f"{city}-{site_number}"
                        near = {**point, "radius_m": 300} if self._chance(0.5) else {}
                        yield {"id": site, "name": f"{tongue.name()} yard", "kind": "site", "part_of": city, **near}
                        self._places.append(site)

    def organisations(self) -> Iterator[Fields]:
        for number in range(40):
            tongue = self._tongue()
            fields: Fields = {"id": f"agt-org-{number:02}", "kind": "organisation", "name_policy": "published"}
            self._organisations.append(fields["id"])
            yield {**fields, "name": f"{tongue.name()} {tongue.name()}", "description": tongue.prose(20)}

    def witnesses(self) -> Iterator[Fields]:
        for number in range(max(5, self._testimonies // 3)):
            tongue = self._tongue()
            kind = "group" if self._chance(0.1) else "person"
            policy = self._random.choices(("published", "withheld", "pseudonym"), (60, 25, 15))[0]
            self._protected.append(policy != "published")
            fields: Fields = {"id": f"agt-w{number:07}", "kind": kind, "name_policy": policy}
            if policy == "published":
                fields["name"] = f"{tongue.name()} {tongue.name()}"
            else:
                fields["label"] = f"“{tongue.name()}”" if policy == "pseudonym" else "A resident, name withheld"
            if kind == "person" and self._chance(0.4):
                fields["age_stated"] = 18 + int(self._random.random() * 70)
            yield fields

    def sources(self) -> Iterator[Fields]:
        for number, kind in zip(range(max(16, self._testimonies // 50)), cycle(_SOURCE_TYPES), strict=False):
            tongue = self._tongue()
            is_verbatim = kind == "interview"
            length = 1500 + int(self._random.random() * 3000)
            at = int(self._random.random() * (len(tongue.sheet) - length))
            has_text = is_verbatim or self._chance(0.8)
            source: Fields = {
                "id": f"src-{number:06}",
                "type": kind,
                "title": tongue.title(7),
                "publisher": self._one(self._organisations),
                "language": tongue.tag,
                "published": self._date(self._one(("{y}-{m}-{d}", "{y}-{m}", "{y}"))),
                "url": f"https://source.invalid/{number}",
                "rights": "CC-BY-4.0" if is_verbatim else self._one(_RIGHTS),
                "verbatim": is_verbatim,
            }
            duration = 600 + length if kind in _TIMED else None
            if duration is not None:
                source["duration_s"] = duration
            if has_text:
                text = tongue.sheet[at : at + length]
                encoded = text.encode()
                source["text"] = {
                    "length": length,
                    "bytes": len(encoded),
                    "sha256": hashlib.sha256(encoded).hexdigest(),
                }
                if is_verbatim:
                    source["text"]["content"] = text
            kept = {"id": source["id"], "sheet": tongue.sheet if has_text else None, "at": at, "length": length}
            kept |= {"duration": duration, "verbatim": is_verbatim, "publisher": source["publisher"]}
            self._sources.append(kept)
            if is_verbatim:
                self._verbatim.append(kept)
            if kind == "court_record":
                self._courts.append(kept)
            yield source

    def events(self) -> Iterator[Fields]:
        for number, form in zip(range(self._events), cycle(_DATES), strict=False):
            tongue = self._tongue()
            day = None if form is None else self._date(form)
            event: Fields = {
                "id": f"evt-{number:07}",
                "type": self._one(_EVENT_TYPES),
                "title": tongue.title(6),
                "summary": tongue.prose(50),
                "date": day,
                "place": self._one(self._places),
                "topics": self._some_topics(),
                "citations": self._citations(),
                **self._access(number),
            }
            if day is None or "X" in day:
                event["date_note"] = "The source does not say when, or not exactly."
            if self._chance(0.5):
                event["participants"] = [{"agent": self._one(self._organisations), "role": "asked to leave"}]
            if self._chance(0.3):
                event["acts"] = [self._act(None if is_hidden(number) else event["id"])]
            if number > HIDDEN_ONE_IN and number % 10 == 0:
                event["part_of"] = f"evt-{number // HIDDEN_ONE_IN:07}"
                if is_hidden(number // HIDDEN_ONE_IN):
                    del event["part_of"]
            if self._chance(0.05):
                event["translations"] = {self._tongue().tag: {"title": self._tongue().title(6)}}
            yield event

    def _act(self, event: str | None) -> Fields:
        """Return an act in this event, or in one that is hidden. Only so many have an actor as there are responses."""
        act: Fields = {"type": self._one(_ACTS), "asserted_by": self._one(self._organisations)}
        if event is not None and len(self._accused) < self._responses():
            act["actor"] = self._one(self._organisations)
            self._accused.append((act["actor"], event))
        match int(self._random.random() * 3):
            case 0:
                return {**act, "status": "reported", "citations": self._citations()}
            case 1:
                return {**act, "status": "alleged", "citations": self._citations()}
            case _:
                court = self._one(self._courts)
                found = [self._citation(court, anchored=True)]
                finding = {"body": court["publisher"], "outcome": "established", "citations": found}
                return {**act, "status": "established", "findings": [finding], "citations": found}

    def _responses(self) -> int:
        return max(7, self._testimonies // 40)

    def _some_topics(self) -> list[str]:
        first, second = self._one(self._topics), self._one(self._topics)
        return [first] if first == second else [first, second]

    def testimonies(self) -> Iterator[Fields]:
        for number in range(self._testimonies):
            tongue = self._tongue()
            witness = int(self._random.random() * len(self._protected))
            testimony: Fields = {
                "id": f"tes-{number:07}",
                "title": tongue.title(6),
                "summary": tongue.prose(90 + int(self._random.random() * 60)) + _marked(number),
                "witness": f"agt-w{witness:07}",
                "events": [self._event()],
                "place": self._one(self._places),
                "topics": self._some_topics(),
                "language": tongue.tag,
                "attribution": self._random.choices(_ATTRIBUTIONS, (70, 20, 10))[0],
                "citations": self._citations(anchored=not self._protected[witness]),
                **self._access(number, footing={"consent_basis": "published_source"}),
            }
            if self._chance(0.8):
                testimony["given"] = self._date(self._one(("{y}-{m}-{d}", "{y}-{m}-{d}", "{y}-{m}", "{y}")))
            if self._chance(0.5):
                testimony["reported_by"] = self._one(self._organisations)
            if self._chance(0.1):
                testimony["hearsay"] = [self._one(self._organisations)]
            if self._chance(0.1):
                testimony["content_warnings"] = ["violence"]
            if self._chance(0.03):
                other = self._tongue()
                testimony["translations"] = {other.tag: {"title": other.title(6), "summary": other.prose(100)}}
            if self._chance(0.02):
                # Words of a source may be repeated only where all that is cited may be.
                cited = self._citation(self._one(self._verbatim), anchored=False)
                testimony["citations"] = [cited | {"masked": True}]
                testimony["transcript"] = [
                    {"start_s": 20 * turn, "end_s": 20 * turn + 18, "text": tongue.prose(30)} for turn in range(5)
                ]
            yield testimony

    def statistics(self) -> Iterator[Fields]:
        base = ""
        for number, (qualifier, code) in zip(range(max(11, self._testimonies // 20)), cycle(_FIGURES), strict=False):
            figure = 10 + int(self._random.paretovariate(0.8) * 20) % 100_000
            stated, coded = code(figure)
            statistic: Fields = {
                "id": f"sta-{number:07}",
                "title": self._tongue().title(6),
                "population": "people told to leave",
                "unit": self._one(("people", "households", "buildings", "days")),
                "as_stated": stated.format(figure),
                "qualifier": qualifier,
                **coded,
                "period": self._date(self._one(("{y}", "{y}-{m}", "{y}/{Y}"))),
                "stated_on": self._day(),
                "place": self._one(self._places),
                "topics": self._some_topics(),
                "asserted_by": self._one(self._organisations),
                "citations": self._citations(),
            }
            if qualifier == "exact":
                base = statistic["id"]
            elif qualifier in ("most", "all"):
                statistic["relative_to"] = base
            yield statistic

    def responses(self) -> Iterator[Fields]:
        for number, kind in zip(range(self._responses()), cycle(_RESPONSES), strict=False):
            response: Fields = {
                "id": f"rsp-{number:07}",
                "party": self._one(self._organisations),
                "kind": kind,
                "asked_by": self._one(self._organisations),
                "about": [self._event()],
                "subject": self._tongue().title(8),
                "date": self._day(),
                "citations": self._citations(),
            }
            if self._accused:
                response["party"], event = self._accused.pop()
                response["about"] = [event]
            if kind == "referred":
                response["referred_to"] = self._one(self._organisations)
            yield response

    def withdrawals(self) -> Iterator[Fields]:
        for number in range(max(2, self._testimonies // 500)):
            yield {"id": f"tes-gone-{number:05}", "on": self._day()}


def write_archive(path: Path, testimonies: int, *, holding: Holding = "real") -> int:
    """Write an archive of so many testimonies as `.jsonl`. Returns how many records it has, withdrawals not counted."""
    written = -1  # the head is no record
    unfinished = path.with_name(path.name + ".part")
    with unfinished.open("wb") as file:
        for line in _Archive(testimonies, holding=holding).lines():
            file.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))
            written += line.get("record") != "withdrawn"
    unfinished.rename(path)
    return written
