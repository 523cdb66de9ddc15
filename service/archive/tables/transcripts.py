"""Subtitles as the segments of a transcript: WebVTT and SRT."""

import re
from pathlib import Path
from typing import Any, Literal

import webvtt
from webvtt.errors import MalformedCaptionError, MalformedFileError
from webvtt.models import Timestamp

from service.archive.model import Segment
from service.archive.reading import open_regular

#: How the name of a file with subtitles may end.
SUFFIXES = (".vtt", ".srt")
#: Bytes of a file that is read: ten days of talk have fewer.
_MAX = 64 << 20
_IDENTIFIER = re.compile(r"[A-Za-z0-9-]+")
_VOICE = re.compile(r"<v(?:\.[^ >]*)?\s+([^>]+)>")


class TranscriptRefused(Exception):
    """A file is no subtitles that can be read; the text says why."""


def segments_of(path: Path) -> list[dict[str, Any]]:
    """Return the segments of a file with subtitles, as the format has them: times in seconds, speakers from voice tags.

    A cue in which several speak becomes a segment for each. Raises TranscriptRefused.
    """
    with open_regular(path) as file:
        data = file.read(_MAX + 1)
    if len(data) > _MAX:
        raise TranscriptRefused(f"The file has more than {_MAX >> 20} MB.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise TranscriptRefused("The file is not UTF-8.") from None
    return segments_of_text(text, form="srt" if path.suffix.lower() == ".srt" else "vtt")


def segments_of_text(text: str, *, form: Literal["vtt", "srt"]) -> list[dict[str, Any]]:
    """Return the segments of subtitles. Raises TranscriptRefused."""
    try:
        captions = webvtt.from_buffer(text.splitlines(keepends=True), format=form, strict=True).captions
    except (MalformedFileError, MalformedCaptionError) as error:
        raise TranscriptRefused(f"The file is no {'SRT' if form == 'srt' else 'WebVTT'}: {error}") from None
    return [segment for caption in captions for segment in _segments(caption)]


def _segments(caption: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - a caption of the library
    times = {"start_s": _seconds(caption.start_time), "end_s": _seconds(caption.end_time)}
    named: dict[str, Any] = {}
    if "id" in Segment.model_fields and caption.identifier and _IDENTIFIER.fullmatch(caption.identifier):
        named = {"id": caption.identifier}
    voices = _VOICE.split(caption.raw_text)
    if len(voices) < 4:
        speaker = {"speaker": caption.voice.strip()} if caption.voice and caption.voice.strip() else {}
        text = caption.text.strip()
        return [named | times | speaker | {"text": text}] if text else []
    spoken = zip(voices[1::2], voices[2::2], strict=True)
    texts = [(speaker.strip(), webvtt.models.Caption(text=text).text.strip()) for speaker, text in spoken]
    # One name stands for one segment: a cue in which two speak keeps none.
    return [times | {"speaker": speaker, "text": text} for speaker, text in texts if text]


def _seconds(at: Timestamp) -> float | int:
    seconds = at.hours * 3600 + at.minutes * 60 + at.seconds
    return seconds + at.milliseconds / 1000 if at.milliseconds else seconds
