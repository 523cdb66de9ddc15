"""Archives whose every value can be told from every other: planted where nothing may leak, and where all must be found.

`Marks` makes the values and remembers where each was planted. `one_of_each` makes a record of every type with every field
of the format set, so that a field that the format gains is marked too, or a test fails.
"""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from service.archive.declarations import stated_by
from service.archive.fields import archive_fields
from service.archive.identifiers import TYPE_OF_PREFIX
from service.archive.model import RECORD_MODELS, Part
from tests.archives import Fields, file_of

#: A year that is still to come.
_FUTURE = 2991


@dataclass
class Marks:
    """Values that occur nowhere else: texts, identifiers, numbers, dates, addresses, languages and hashes."""

    #: In lower-case Latin letters; every text and identifier holds it, with a number.
    stem: str
    #: The same in Cyrillic, for what escapes or folds other scripts.
    cyrillic: str
    #: Of every date.
    year: int
    #: How the digits of every number begin, before the decimal point or behind it.
    digits: int
    #: What identifiers hold instead, for records that may be known to have been there.
    known: str = ""
    #: What was planted, by where.
    texts: dict[str, str] = field(default_factory=dict)
    numbers: dict[str, float] = field(default_factory=dict)
    hashes: dict[str, str] = field(default_factory=dict)
    _next: Iterator[int] = field(default_factory=lambda: count(1))

    @property
    def count(self) -> int:
        """How many values were planted."""
        return len(self.texts) + len(self.numbers) + len(self.hashes)

    def text(self, where: str) -> str:
        number = next(self._next)
        latin = f"{self.stem}{number:04}k"
        cased = (latin, latin.capitalize(), latin.upper())[number % 3]
        return self._plant(where, f"{cased} {self.cyrillic.capitalize()}{number:04}")

    def identifier(self, prefix: str) -> str:
        name = f"{prefix}-{self.known or self.stem}{next(self._next):04}"
        return name if self.known else self._plant(prefix, name)

    def address(self, where: str) -> str:
        return self._plant(where, f"https://{self.stem}{next(self._next):04}.example/{self.stem}")

    def language(self, where: str) -> str:
        # A language that only the hidden speak is as telling as a text. Private subtags have at most eight characters.
        return self._plant(where, f"en-x-{self.stem[:8]}-{next(self._next):04}")

    def day(self, where: str) -> str:
        number = next(self._next)
        return self._plant(where, f"{self.year}-{number % 12 + 1:02}-{number % 28 + 1:02}")

    def number(self, where: str) -> int:
        value = self.digits * 1000 + next(self._next)
        self.numbers[f"{where} {self.count}"] = value
        return value

    def degrees(self, where: str, whole: int) -> float:
        value = float(f"{whole}.{self.digits}{next(self._next):03}")
        self.numbers[f"{where} {self.count}"] = value
        return value

    def sha256(self, where: str, text: str) -> str:
        value = hashlib.sha256(text.encode()).hexdigest()
        self.hashes[f"{where} {self.count}"] = value
        return value

    def _plant(self, where: str, value: str) -> str:
        self.texts[f"{where} {self.count}"] = value
        return value


def canaries(*, known: str = "") -> Marks:
    """Return marks for what must never be seen."""
    return Marks("qzcanary", "жъщканар", 7391, 731_004_217, known)


def visible() -> Marks:
    """Return marks for what must be seen: a search that does not find them is no search."""
    return Marks("qzpublic", "жъщпублик", 2021, 482_955_163)


# --- Records with every field set ----------------------------------------------------------------------------------


def private(mark: Marks) -> Any:
    """Return something private in the shapes that an archive may keep it in, keys included."""
    return {
        "name": mark.text("private name"),
        mark.text("private key"): [
            mark.text("private entry"),
            {"telephone": mark.number("private number"), "none": None},
        ],
        "deep": [[[{"er": {"and": mark.text("private depth")}}]]],
    }


#: A field of the archive's own of every kind, with one value and with many, for every type of record: what the head of an
#: archive with records of `one_of_each` declares. Its vocabulary is open, so that only the hidden may use a term.
OWN: Fields = {
    "vocabularies": {"things": {"closed": False, "terms": [{"value": "plain", "label": "Plain"}]}},
    "fields": {
        kind: [
            {"name": f"own_{of}{'_many' * many}", "label": f"Own {of}", "kind": of, "many": many}
            | ({"vocabulary": "things"} if of == "term" else {})
            for of in ("text", "term", "number", "boolean", "date", "url", "reference")
            for many in (False, True)
        ]
        for kind in RECORD_MODELS
    },
}


def own(mark: Marks, *others: str) -> Fields:
    """Return what a record has in each of the archive's own fields. A truth cannot be told from another."""
    made: dict[str, Callable[[str], Any]] = {
        "text": mark.text, "term": mark.text, "number": mark.number, "date": mark.day, "url": mark.address,
    }  # fmt: skip
    custom: Fields = {"own_boolean": True, "own_boolean_many": [True]}
    custom |= {"own_reference": others[0], "own_reference_many": list(others)}
    for of, make in made.items():
        custom |= {f"own_{of}": make(f"own {of}"), f"own_{of}_many": [make(f"own {of}"), make(f"own {of}")]}
    return {"custom": custom}


def one_of_each(mark: Marks, *, secret: Marks | None = None, **access: Any) -> list[Fields]:
    """Return a record of every type, and those above it, with every field set. What is private is marked by `secret`."""
    hidden = mark if secret is None else secret

    def accessible() -> Fields:
        # What a public record tells of a consent lies in the future, or it were not public.
        expires = f"{mark.year if hidden is mark and mark.year > _FUTURE else _FUTURE}-12-31"
        consent = {
            "scope": ["publish", "research"], "given": "2021-03-04", "expires": expires,
            "review": hidden.day("review"), "reference": hidden.text("reference"),
        }  # fmt: skip
        return {"consent_basis": "direct", "consent": consent, "private": private(hidden), **access}

    ids = {
        name: mark.identifier(name[:3])
        for name in "src src-2 agt agt-2 plc plc-2 top top-2 evt evt-2 tes tes-2 sta sta-2 rsp".split()
    }
    content = f"{mark.text('content')} and so on. {mark.text('content')} ██"
    citations = _citations(mark, ids["src"], content)
    bare = [citations[0]]
    file = _public_file(mark)

    def translated(*fields: str) -> Fields:
        """Return a translation of these texts, and what every record has."""
        texts: Fields = {name: mark.text(f"translated {name}") for name in (*fields, "notes")}
        for name in {"content_warnings", "notes"} & texts.keys():
            texts[name] = [texts[name]]
        texts["custom"] = {
            "own_text": mark.text("translated own text"),
            "own_text_many": [mark.text("translated own text")],
        }
        return {"translations": {mark.language("translation"): texts}, **common()}

    def common() -> Fields:
        custom = own(mark, ids["plc"], ids["top"])
        named = {"scheme": mark.text("scheme"), "value": mark.text("identifier"), "url": mark.address("identifier")}
        return {
            "identifiers": [named], "tags": [mark.text("tag")], "notes": [mark.text("note")], "licence": "CC0-1.0",
            **custom,
        }  # fmt: skip

    def related(other: str) -> list[Fields]:
        said = {"asserted_by": ids["agt"], "note": mark.text("relation"), "citations": bare}
        return [{"type": "disputes", "to": ids[other], **said}]

    filed = {"topics": [ids["top"]], "place": ids["plc"], "citations": citations, "access": accessible()}
    filed["relations"] = related("src-2")
    return [
        {
            "id": ids["src"], "type": "interview", "title": mark.text("title"), "publisher": ids["agt"],
            "creators": [ids["agt"]], "language": mark.language("source"), "published": mark.day("published"),
            "url": mark.address("url"), "archived_url": mark.address("archived_url"), "retrieved": mark.day("retrieved"),
            "rights": "CC-BY-4.0", "verbatim": True, "duration_s": 10**15, "masked": True, "access": accessible(),
            "text": {
                "length": len(content), "bytes": len(content.encode()), "sha256": mark.sha256("text", content),
                "content": content,
            },
            "redactions": [
                {"start": len(content) - 2, "end": len(content), "reason": "safety", "on": mark.day("redacted")}
            ],
            "recorded": mark.day("recorded"), "captured": f"{mark.day('captured')}T10:30:00Z", "held_at": mark.text("held"),
            "part_of": ids["src-2"], "relations": related("evt"), "files": [file, _private_file(hidden)],
            "custody": [
                {
                    "on": mark.day("on"), "agent": ids["agt"], "action": "received", "tool": mark.text("tool"),
                    "note": mark.text("note"),
                }
            ],
            "content_warnings": [mark.text("warning")], **translated("title", "content_warnings", "held_at"),
        },
        {
            "id": ids["agt"], "kind": "person", "name_policy": "published", "name": mark.text("name"),
            "label": mark.text("label"), "description": mark.text("description"), "age_stated": 137,
            "names": [{"text": mark.text("other name"), "language": mark.language("name"), "kind": "alias"}],
            "age_as_stated": mark.text("age"), "birth": f"{mark.year}-01-02", "death": f"{mark.year}-12-03",
            "status": [
                {"status": "missing", "date": mark.day("status"), "asserted_by": ids["agt"], "citations": bare}
            ],
            "member_of": [ids["agt-2"]], "exact_match": [mark.address("exact_match")],
            "citations": citations, "access": accessible(),
            **translated("name", "label", "description", "age_as_stated"),
        },
        {
            "id": ids["agt-2"], "kind": "group", "name_policy": "published", "name": mark.text("group"),
            "access": accessible(),
        },
        *(
            {
                "id": ids[name], "name": mark.text("name"), "kind": "site", "country": "AQ", "part_of": part_of,
                # What is finer than the radius is private too.
                "latitude": hidden.degrees("latitude", 12), "radius_m": 500,
                "longitude": hidden.degrees("longitude", -34), "access": accessible(), **translated("name"),
                "exact_match": [mark.address("exact_match")], "citations": bare,
            }
            for name, part_of in (("plc", ids["plc-2"]), ("plc-2", None))
        ),
        *(
            {
                "id": ids[name], "label": mark.text("label"), "broader": broader, "description": mark.text("description"),
                "exact_match": [mark.address("exact_match")], "access": accessible(), **translated("label", "description"),
            }
            for name, broader in (("top", ids["top-2"]), ("top-2", None))
        ),
        *(
            {
                "id": ids[name], "type": "killing", "title": mark.text("title"), "summary": mark.text("summary"),
                "date": mark.day("date"), "date_note": mark.text("date_note"), "part_of": part_of,
                "participants": [{"agent": ids["agt"], "role": mark.text("role")}],
                "claims": [
                    {"field": "place", "value": ids["plc-2"], "asserted_by": ids["agt"], "citations": bare},
                    {"field": "date", "value": mark.day("claim"), "asserted_by": ids["agt"], "citations": bare},
                ],
                "acts": [
                    {
                        "type": mark.text("act"), "description": mark.text("act description"), "victim": ids["agt"],
                        "actor": ids["agt"], "status": "alleged", "asserted_by": ids["agt"], "citations": bare,
                        "findings": [
                            {
                                "body": ids["agt"], "outcome": "upheld", "date": mark.day("found"), "final": True,
                                "citations": bare,
                            }
                        ],
                    }
                ],
                "content_warnings": [mark.text("warning")],
                **filed, **translated("title", "summary", "date_note", "content_warnings"),
            }
            for name, part_of in (("evt", ids["evt-2"]), ("evt-2", None))
        ),
        *(
            {
                "id": ids[name], "title": mark.text("title"), "summary": mark.text("summary"), "witness": ids["agt"],
                "contributors": [{"agent": ids["agt"], "role": "interpreter"}], "part_of": part_of,
                "events": [ids["evt"]], "language": mark.language("spoken"), "given": mark.day("given"),
                "original_language": mark.language("original"), "reported_by": ids["agt"], "attribution": "contextual",
                "hearsay": [ids["agt"]], "content_warnings": [mark.text("warning")],
                "index": [
                    {
                        "start_s": mark.number("entry"), "title": mark.text("entry"), "synopsis": mark.text("synopsis"),
                        "keywords": [mark.text("keyword")], "topics": [ids["top"]], "segment": "s-1",
                        "translations": {
                            mark.language("entry"): {
                                "title": mark.text("translated entry"), "synopsis": mark.text("translated synopsis"),
                                "keywords": [mark.text("translated keyword")],
                            }
                        },
                    }
                ],
                "transcript": [
                    {
                        "id": "s-1", "file": file["name"], "start_s": mark.number("start_s"), "end_s": mark.number("end_s"),
                        "speaker": mark.text("speaker"), "speaker_agent": ids["agt"], "language": mark.language("segment"),
                        "text": mark.text("segment"),
                        "translations": {mark.language("segment"): {"text": mark.text("translated segment")}},
                    },
                    {"speaker": mark.text("speaker"), "redacted": "third_party"},
                ],
                **filed,
                "translations": {
                    mark.language("translation"): {
                        "title": mark.text("translated title"), "summary": mark.text("translated summary"),
                        "content_warnings": [mark.text("translated warning")],
                        "notes": [mark.text("translated note")],
                        "custom": {
            "own_text": mark.text("translated own text"), "own_text_many": [mark.text("translated own text")],
        },
                    }
                },
                **common(),
            }
            for name, part_of in (("tes", ids["tes-2"]), ("tes-2", None))
        ),
        *(
            {
                "id": ids[name], "title": mark.text("title"), "population": mark.text("population"),
                "unit": mark.text("unit"), "as_stated": mark.text("as_stated"), "qualifier": "about",
                "lower": mark.number("lower"), "value": mark.number("value"), "upper": mark.number("upper"),
                "lower_inclusive": False, "upper_inclusive": False, "bounds_basis": "derived", "relative_to": base,
                "series": mark.text("series"), "events": [ids["evt"]],
                "breakdown": {name: mark.text(f"breakdown {name}") for name in ("sex", "age", "status")},
                "period": mark.day("period"), "stated_on": mark.day("stated_on"), "asserted_by": ids["agt"],
                "reported_by": ids["agt"], "method": mark.text("method"), "content_warnings": [mark.text("warning")],
                **filed, **translated("title", "population", "unit", "as_stated", "method", "content_warnings"),
            }
            for name, base in (("sta", ids["sta-2"]), ("sta-2", None))
        ),
        {
            "id": ids["rsp"], "party": ids["agt"], "kind": "referred", "referred_to": ids["agt"], "via": ids["agt"],
            "asked_by": ids["agt"], "about": [ids[name] for name in ("evt", "evt-2", "tes", "sta", "agt")],
            "subject": mark.text("subject"), "summary": mark.text("answer"), "date": mark.day("date"), "citations": citations, "access": accessible(),
            **translated("subject", "summary"),
        },
        {
            "id": ids["src-2"], "type": "video", "title": mark.text("title"), "language": mark.language("source"),
            "rights": "CC-BY-4.0", "access": accessible(),
        },
    ]  # fmt: skip


def _public_file(mark: Marks) -> Fields:
    """Return a file that is published with its record, every field set. Where it lay is not published."""
    return file_of(
        f"{mark.stem}/{mark.stem}-public",
        name=mark.text("file name"), url=mark.address("file url"), language=mark.language("file"),
        duration_s=mark.number("duration_s"), width=640, height=480, alt=mark.text("alt"), masked=True,
    )  # fmt: skip


def _private_file(mark: Marks) -> Fields:
    """Return a file of which nothing is published."""
    return file_of(
        f"{mark.text('folder')}/{mark.text('file path')}",
        name=mark.text("file name"), url=mark.address("file url"), media_type="text/x-qzcanary",
        language=mark.language("file"), alt=mark.text("alt"), public=False,
    )  # fmt: skip


def _citations(mark: Marks, source: str, content: str) -> list[Fields]:
    """Return a citation of each kind."""
    passage = content[: content.index(".")]
    return [
        {"source": source, "note": mark.text("note")},
        {
            "source": source, "start": 0, "end": len(passage), "sha256": mark.sha256("passage", passage),
            "quote": passage, "note": mark.text("note"), "masked": True,
        },
        {"source": source, "page": mark.text("page")},
        {"source": source, "time": [mark.number("time"), mark.number("time")]},
    ]  # fmt: skip


def unset_fields(records: list[Fields]) -> set[str]:
    """Return every field of the format that none of these records sets, as Type.field."""
    seen: dict[str, set[str]] = {}
    every: dict[str, set[str]] = {}

    def look(part: object) -> None:
        if isinstance(part, Part):
            name = type(part).__name__
            every[name] = set(type(part).model_fields)
            seen.setdefault(name, set()).update(key for key in every[name] if getattr(part, key) not in (None, [], {}))
            for key in every[name]:
                look(getattr(part, key))
        elif isinstance(part, list | dict):
            for inner in part.values() if isinstance(part, dict) else part:
                look(inner)

    models = archive_fields(stated_by(OWN)).models
    for each in records:
        look(models[TYPE_OF_PREFIX[each["id"][:3]]].model_validate(each))
    return {f"{name}.{key}" for name, keys in every.items() for key in keys - seen[name]}
