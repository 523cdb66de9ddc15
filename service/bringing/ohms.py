"""Interviews as OHMS keeps them (versions 5.4 and 6.0), brought as testimonies.

Version 5.4 marks, in `sync`, the word of the transcript that is spoken at each full minute (or every so many); lines and words
count from 1. Version 6.0 has WebVTT inside. What has no place in the archive is kept, unpublished, in `access.private` of the
testimony's source, and told.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, ParseError

from babel import Locale
from defusedxml import DefusedXmlException
from defusedxml.ElementTree import parse

from service.archive.model import Source, Testimony
from service.archive.tables.transcripts import TranscriptRefused, segments_of_text
from service.bringing.brought import Brought
from service.bringing.points import place_at, read_point
from service.errors import BringRefused

#: Elements that have a place; others that hold something are kept with the source, unpublished.
_PLACED = frozenset(
    """
    version title date accession duration interviewee interviewer repository language media_url index sync sync_alt
    transcript transcript_alt transcript_alt_lang vtt_transcript vtt_transcript_alt subject keyword description
    """.split()
)
#: Elements that say how a recording is played or a page is drawn, not what was said: they are kept as well, and not told.
_OF_THE_PLAYER = frozenset(
    """
    mediafile kembed fmt format xmllocation xmlfilename translate userestrict file_name media_id repository_url
    date_nonpreferred_format cms_record_id
    """.split()
)
_SYNC = re.compile(r"(\d+)\((\d+)\)")
_SPEAKER = re.compile(r"([A-ZÀ-Þ][A-ZÀ-Þ.'’\- ]{1,40}):\s+")
_DAY = re.compile(r"\d{4}(-\d{2}(-\d{2})?)?")


def bring_interviews(files: Iterable[Path], *, consent: str | None, radius_m: float | None = None) -> Brought:
    """Return a testimony for each interview, and one more for its transcript in another language.

    Args:
        files: XML of OHMS.
        consent: on what footing the testimonies may be public. Without one they are restricted, and so are those who speak.
        radius_m: how far off points may be, in metres; without it they are kept and never published.

    Raises:
        BringRefused: for a file that is no XML of OHMS.
    """
    brought = Brought("ohms")
    for file in files:
        record = _record(file)
        _Interview(brought, file, record, consent, radius_m).bring()
    return brought


def _record(file: Path) -> Element:
    try:
        root = parse(file, forbid_dtd=True).getroot()
    except DefusedXmlException:
        raise BringRefused(
            f"{file}: the XML declares entities or a document type, which nothing of OHMS needs"
        ) from None
    except (ParseError, ValueError) as error:
        raise BringRefused(f"{file} is no sound XML: {error}") from None
    # Some files have no namespace, or another one, and say the same.
    for each in () if root is None else root.iter():
        each.tag = str(each.tag).rpartition("}")[2]
    record = None if root is None else root.find("record")
    if record is None:
        raise BringRefused(f"{file} is XML, but none of OHMS: it has no record")
    return record


class _Interview:
    """One interview that is being brought."""

    def __init__(
        self, brought: Brought, file: Path, record: Element, consent: str | None, radius_m: float | None
    ) -> None:
        self._brought, self._file, self._record = brought, file, record
        self._consent, self._radius_m = consent, radius_m
        self._access: dict[str, Any] = {"visibility": "restricted"} if consent is None else {}
        self._key = self._text("accession") or record.get("id") or file.name
        #: What points of the table of contents hold that has no place.
        self._rest: list[dict[str, Any]] = []

    def bring(self) -> None:
        """Add the testimony, and what it refers to."""
        language = self._language(self._text("language"))
        segments = self._segments("")
        index = list(self._index(has_transcript=bool(segments)))
        source = self._source(language)
        topics = [self._topic(subject) for subject in self._texts("subject")]
        people = self._people()
        witnesses = [agent for agent, role in people if role == "interviewee"]
        witness = witnesses[0] if witnesses else self._unknown_witness()
        testimony: dict[str, Any] = {
            "title": self._text("title") or self._file.stem,
            "summary": self._text("description") or f"An interview, as kept in {self._file.name}.",
            "witness": witness,
            "contributors": [{"agent": agent, "role": role} for agent, role in people if agent != witness],
            "language": language,
            "given": self._day(),
            "topics": topics,
            "attribution": "labelled",
            "index": index,
            "transcript": segments,
            "citations": [{"source": source}],
            "access": self._access | ({} if self._consent is None else {"consent_basis": self._consent}),
        }
        if "identifiers" in Testimony.model_fields and (accession := self._text("accession")):
            testimony["identifiers"] = [{"scheme": "accession", "value": accession}]
        identifier = self._brought.add("testimony", self._key, testimony)
        self._bring_alternative(identifier, testimony)
        if self._consent is None:
            self._leave("", "the interview is restricted", "nobody's consent is stated (--consent)")

    def _bring_alternative(self, original: str, testimony: dict[str, Any]) -> None:
        """Add the transcript in another language, whose segments are not those of the first."""
        if not (segments := self._segments("_alt")):
            return
        other = testimony | {
            "title": self._text("title_alt") or testimony["title"],
            "language": self._language(self._text("transcript_alt_lang")),
            "original_language": testimony["language"],
            "transcript": segments,
            "index": [],
        }
        if "relations" in Testimony.model_fields:
            other["relations"] = [{"type": "translation_of", "to": original}]
        other.pop("identifiers", None)
        self._brought.add("testimony", f"{self._key} alternative", other)

    # --- What it refers to --------------------------------------------------------------------------------------------

    def _source(self, language: str) -> str:
        kept = dict(self._kept())
        for name in (name for name in kept if name not in _OF_THE_PLAYER):
            self._leave(name, "kept with the source, unpublished", "the archive has no field for it")
        if self._rest:
            kept["index"] = self._rest
        rest = self._access | ({"private": {"ohms": kept}} if kept else {})
        fields: dict[str, Any] = {
            "type": "interview",
            "title": self._text("title") or self._file.name,
            "language": language,
            "published": self._day(),
            "url": self._url(),
            "duration_s": _seconds(self._text("duration")),
            "verbatim": True,
            "publisher": self._organisation(self._text("repository")),
            "access": rest or None,
        }
        if "identifiers" in Source.model_fields and (accession := self._text("accession")):
            fields["identifiers"] = [{"scheme": "accession", "value": accession}]
        return self._brought.source_of(Path(self._key), fields)

    def _url(self) -> str | None:
        address = self._text("media_url")
        if not address:
            return None
        if not address.startswith(("https://", "http://")) or any(char.isspace() for char in address):
            self._leave("media_url", "the address of the recording", "it is no address of the web")
            return None
        return address

    def _organisation(self, name: str) -> str | None:
        if not name:
            return None
        fields = {"kind": "organisation", "name_policy": "published", "name": name}
        return self._brought.add("agent", f"organisation {name}", fields)

    def _people(self) -> list[tuple[str, str]]:
        return [
            (self._person(name, role), role)
            for role in ("interviewee", "interviewer")
            for text in self._texts(role)
            for name in filter(None, (part.strip() for part in text.split(";")))
        ]

    def _person(self, name: str, role: str) -> str:
        if self._consent is None:
            # Not `withheld`, which is an editor's decision: evidence that would unmask a person is then refused even here.
            hidden = {
                "name_policy": "unknown",
                "label": role.capitalize(),
                "access": {**self._access, "private": {"name": name}},
            }
            return self._brought.add("agent", f"person {name}", {"kind": "person", **hidden})
        return self._brought.add(
            "agent", f"person {name}", {"kind": "person", "name_policy": "published", "name": name}
        )

    def _unknown_witness(self) -> str:
        self._leave("interviewee", "who was interviewed", "the file does not say: name them in agents.csv")
        fields = {"kind": "person", "name_policy": "unknown", "label": "An interviewee", "access": self._access or None}
        return self._brought.add("agent", f"interviewee of {self._key}", fields)

    def _topic(self, label: str) -> str:
        # Subjects name people too.
        return self._brought.add("topic", label, {"label": label, "access": self._access or None})

    # --- The transcript -----------------------------------------------------------------------------------------------

    def _segments(self, which: str) -> list[dict[str, Any]]:
        subtitles = self._text(f"vtt_transcript{which}")
        if subtitles:
            try:
                return segments_of_text(subtitles + "\n", form="vtt")
            except TranscriptRefused as refused:
                raise BringRefused(f"{self._file}: {refused}") from None
        text = self._find(f"transcript{which}")
        return list(_paragraphs(text, dict(self._marks(self._text(f"sync{which}"))))) if text.strip() else []

    def _marks(self, sync: str) -> Iterator[tuple[tuple[int, int], int]]:
        """Yield, for the line and the word (both from 1) that a mark stands at, the second of the recording."""
        every, _, marks = sync.partition(":|")
        if not every.strip().isdigit():
            if sync:
                self._leave("sync", "the times of the transcript", "they are not written as OHMS 5.4 does")
            return
        for number, mark in enumerate(marks.split("|"), 1):
            if (found := _SYNC.fullmatch(mark.strip())) is not None:
                yield (int(found.group(1)), int(found.group(2))), number * int(every) * 60
            elif mark.strip():
                self._leave("sync", "a time of the transcript", "it is not written as OHMS 5.4 does")

    # --- The table of contents ----------------------------------------------------------------------------------------

    def _index(self, *, has_transcript: bool) -> Iterator[dict[str, Any]]:
        other = self._other_language()
        for number, point in enumerate(self._record.iterfind("index/point"), 1):
            texts = {_name(each): (each.text or "").strip() for each in point}
            entry: dict[str, Any] = {
                "start_s": int(texts["time"]) if texts.get("time", "").isdigit() else None,
                "title": texts.get("title") or f"Part {number}",
                "synopsis": texts.get("synopsis"),
                "keywords": _divided(texts.get("keywords", "")),
                "topics": [self._topic(subject) for subject in _divided(texts.get("subjects", ""))],
            }
            translation = {
                "title": texts.get("title_alt"),
                "synopsis": texts.get("synopsis_alt"),
                "keywords": _divided(texts.get("keywords_alt", "")),
            }
            if other is not None and (translated := _stated(translation)):
                entry["translations"] = {other: translated}
            yield _stated(entry)
            self._keep_rest(number, point, texts, has_transcript=has_transcript, is_translated=other is not None)

    def _keep_rest(
        self, number: int, point: Element, texts: dict[str, str], *, has_transcript: bool, is_translated: bool
    ) -> None:
        """Keep, unpublished, what a point holds that has no place. The words it begins with stand in the transcript, if any."""
        names = {"subjects_alt", "partial_transcript_alt"}
        names |= set() if has_transcript else {"partial_transcript"}
        names |= set() if is_translated else {"title_alt", "synopsis_alt", "keywords_alt"}
        rest: dict[str, Any] = {name: text for name, text in texts.items() if name in names and text}
        links = [dict(_texts_of(each)) for each in point.iterfind("hyperlinks")]
        rest |= {"hyperlinks": found} if (found := [each for each in links if each]) else {}
        where = f"index, point {number}"
        if rest:
            self._rest.append({"time": texts.get("time", ""), **rest})
            self._leave(where, ", ".join(sorted(rest)), "kept with the source, unpublished: there is no field for it")
        for gps in point.iterfind("gpspoints"):
            named = dict(_texts_of(gps))
            if named.get("gps"):
                self._place(where, named["gps"], named.get("gps_text", ""))

    def _other_language(self) -> str | None:
        """Return the language that texts beside the first are in; None where the file does not say."""
        name = self._text("transcript_alt_lang")
        tag = self._language(name) if name else "und"
        return None if tag == "und" else tag

    def _place(self, where: str, written: str, name: str) -> None:
        """Add the place of a point: published where it is said how far off it may be, which OHMS does not."""
        point = read_point(written)
        if point is not None and self._radius_m is not None and self._consent is not None:
            place_at(self._brought, point, radius_m=self._radius_m, name=name, within=None)
            return
        access = self._access | {"private": {"point": written}}
        fields = {"name": name or "A point", "kind": "other", "access": access}
        self._brought.add("place", name or f"point {written}", fields)
        why = "it does not say how far off it may be (--radius)" if point is not None else "it is none"
        why = why if self._consent is not None or point is None else "nobody's consent is stated (--consent)"
        self._leave(where, f"the point {written}", f"{why}; it is kept with the place, unpublished")

    # --- Elements -----------------------------------------------------------------------------------------------------

    def _find(self, name: str) -> str:
        return self._record.findtext(name) or ""

    def _text(self, name: str) -> str:
        return self._find(name).strip()

    def _texts(self, name: str) -> list[str]:
        return [text for each in self._record.iterfind(name) if (text := (each.text or "").strip())]

    def _kept(self) -> Iterator[tuple[str, Any]]:
        for each in self._record:
            name = _name(each)
            value: Any = dict(_texts_of(each)) if len(each) else (each.text or "").strip()
            if value and name not in _PLACED:
                yield name, value

    def _day(self) -> str | None:
        date = self._record.find("date")
        value = "" if date is None else (date.get("value") or "").strip()
        if value and not _DAY.fullmatch(value):
            self._leave("date", "the day of the interview", "it is not written as a day")
            return None
        return value or None

    def _language(self, name: str) -> str:
        if not name:
            return "und"
        names = {english.casefold(): tag for tag, english in Locale("en").languages.items() if "_" not in tag}
        if (tag := names.get(name.casefold())) is None:
            self._leave("language", "the language", "it is none that has a tag; it is `und` now")
            return "und"
        return str(tag)

    def _leave(self, where: str, what: str, why: str) -> None:
        self._brought.leave(self._file, where, what, why)


def _paragraphs(text: str, marks: dict[tuple[int, int], int]) -> Iterator[dict[str, Any]]:
    """Yield the segments of a transcript: paragraphs, divided where a word is marked with a time, which then begins one."""
    speaker: str | None = None
    words: list[str] = []
    start: int | None = None

    def segment() -> Iterator[dict[str, Any]]:
        if words:
            times = {} if start is None else {"start_s": start}
            yield times | ({} if speaker is None else {"speaker": speaker}) | {"text": " ".join(words)}

    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            yield from segment()
            words, start, speaker = [], None, None
            continue
        spoken = _SPEAKER.match(line.strip())
        label = 0
        if spoken is not None and not words:
            speaker, label = spoken.group(1), len(spoken.group().split())
        for position, word in enumerate(line.split(), 1):
            if (second := marks.get((number, position))) is not None:
                yield from segment()
                words, start = [], second
            if position > label:
                words.append(word)
    yield from segment()


def _name(element: Element) -> str:
    return str(element.tag)


def _texts_of(element: Element) -> Iterator[tuple[str, str]]:
    """Yield the names and the texts of the elements in one, those that hold none left out."""
    return ((_name(each), text) for each in element if (text := (each.text or "").strip()))


def _stated(entry: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in entry.items() if value not in (None, "", [])}


def _divided(text: str) -> list[str]:
    return [part.strip() for part in text.split(";") if part.strip()]


def _seconds(clock: str) -> int | None:
    parts = clock.split(":")
    if len(parts) != 3 or not all(part.isdigit() for part in parts):
        return None
    hours, minutes, seconds = map(int, parts)
    return hours * 3600 + minutes * 60 + seconds or None
