"""A transcript as JSON, as WebVTT and as plain text."""

import html
import re
from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple
from urllib.parse import urlencode

from starlette.types import Scope

from service.api.shapes import Transcript, TranscriptLinks
from service.catalogue.languages import Wishes, languages_of, spoken_in, translated_texts
from service.http.links import base_url, record_url
from service.http.releases import Served
from service.release.document_parts import SegmentDocument

# A blank line would end a cue.
_LINE_ENDS = re.compile(r"[\r\n]+")


class FoundTranscript(NamedTuple):
    """A transcript as it is answered, and the languages that it is shown in, that which most is in first."""

    transcript: Transcript
    languages: list[str]


def find_transcript(
    scope: Scope, served: Served, record_id: str, document: bytes, *, wishes: Wishes, lang: str | None
) -> FoundTranscript | None:
    """Return the transcript of a testimony in the languages wished for, None where it has none. `document` is that of the
    testimony, `lang` what the address says of the language, which its links keep.
    """
    catalogue = served.catalogue
    found = catalogue.transcript(record_id)
    if found is None:
        return None
    language, held = found
    segments = spoken_in(held, wishes, partial(catalogue.called, wishes=wishes))
    shown = Counter(segment["language"] for segment in segments if segment["text"] is not None)
    # Where it makes no difference, that of the testimony goes first.
    languages = sorted(shown, key=lambda each: (-shown[each], each != language, each)) or [language]
    testimony = translated_texts(document, wishes, catalogue.fields)
    transcript: Transcript = {
        "testimony": {"id": record_id, "label": testimony["title"]},
        "language": language,
        "content_warnings": testimony["content_warnings"],
        "segments": segments,
        "meta": {
            "release": catalogue.manifest.id,
            "licence": catalogue.head["licence"],
            "languages": languages_of(held),
        },
        "links": _links(record_url(base_url(scope), record_id), lang),
    }
    return FoundTranscript(transcript, languages)


def _links(address: str, lang: str | None) -> TranscriptLinks:
    """Return the addresses of the same in each format, in the language that was asked for by name, if one was."""
    chosen = [] if lang is None else [urlencode({"lang": lang})]

    def at(*format_name: str) -> str:
        return "?".join([f"{address}/transcript", *filter(None, ["&".join([*format_name, *chosen])])])

    return {"self": at(), "testimony": address, "vtt": at("format=vtt"), "text": at("format=text")}


def as_vtt(segments: Sequence[SegmentDocument], warnings: Sequence[str] = (), *, language: str = "") -> str:
    """Return a transcript as WebVTT (https://www.w3.org/TR/webvtt1/). A segment without both times cannot be a cue: it
    is kept as a comment in its place, which players do not show. Cues must begin in order of time, so a segment that
    begins earlier than those before it moves up. Content warnings come first, as a comment. A segment in another language
    than `language` says so; words that are left out are a gap, which says why.
    """
    blocks: list[tuple[int, str]] = []
    reached = 0
    for segment in segments:
        times = _times(segment)
        if times is None:
            blocks.append((reached, f"NOTE {segment['id']}\n{_escape(_spoken(segment))}"))
        else:
            reached = times[0]
            timing = f"{_timestamp(times[0])} --> {_timestamp(times[1])}"
            blocks.append((reached, f"{segment['id']}\n{timing}\n{_cue(segment, language)}"))
    blocks.sort(key=lambda block: block[0])
    warned = [f"NOTE {_escape(_warned(warnings))}"] if warnings else []
    return "\n\n".join(["WEBVTT", *warned, *(block for _, block in blocks)]) + "\n"


def as_text(segments: Sequence[SegmentDocument], warnings: Sequence[str] = ()) -> str:
    """Return a transcript to read: content warnings first, then a paragraph a segment, with the speaker before a colon
    where one is named. Words that are left out are a gap, which says why.
    """
    warned = [_warned(warnings)] if warnings else []
    return "\n\n".join([*warned, *(_spoken(segment) for segment in segments)]) + "\n"


def _warned(warnings: Sequence[str]) -> str:
    return f"Content warnings: {'; '.join(warnings)}"


def _said(segment: SegmentDocument) -> str:
    """Return the words of a segment, or the gap in their place."""
    return f"[redacted: {segment['redacted']}]" if segment["text"] is None else segment["text"]


def _spoken(segment: SegmentDocument) -> str:
    return _said(segment) if segment["speaker"] is None else f"{segment['speaker']}: {_said(segment)}"


def _times(segment: SegmentDocument) -> tuple[int, int] | None:
    """Return a segment's times in milliseconds, or None where it has not both, or no length."""
    if segment["start_s"] is None or segment["end_s"] is None:
        return None
    start, end = round(segment["start_s"] * 1000), round(segment["end_s"] * 1000)
    return (start, end) if end > start else None


def _timestamp(milliseconds: int) -> str:
    seconds, milliseconds = divmod(milliseconds, 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{milliseconds:03}"


def _escape(text: str) -> str:
    """Return text for a cue: no markup, no blank line. Without a `>` there is no `-->` either."""
    return _LINE_ENDS.sub("\n", html.escape(text, quote=False)).strip("\n")


def _cue(segment: SegmentDocument, language: str) -> str:
    words = _escape(_said(segment))
    if segment["text"] is not None and language not in ("", segment["language"]):
        words = f"<lang {segment['language']}>{words}</lang>"
    return words if segment["speaker"] is None else f"<v {_escape(segment['speaker']).replace(chr(10), ' ')}>{words}"
