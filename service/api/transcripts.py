"""A transcript as WebVTT and as plain text."""

import html
import re
from collections.abc import Sequence

from service.release.document_parts import SegmentDocument

# A blank line would end a cue.
_LINE_ENDS = re.compile(r"[\r\n]+")


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
