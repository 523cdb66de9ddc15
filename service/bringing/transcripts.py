"""Transcripts brought as testimonies: subtitles (WebVTT, SRT), and plain text as word processors save it (.txt, .docx)."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import mammoth

from service.archive.reading import open_regular
from service.archive.tables.rows import TableRefused, refuse_unsafe
from service.archive.tables.transcripts import TranscriptRefused, segments_of
from service.bringing.brought import Brought
from service.bringing.foreign import encoding_of
from service.errors import BringRefused

#: Bytes of a transcript that is read: ten days of talk have fewer.
_MAX = 64 << 20
#: [00:01:23], (1:23), 00:01:23.5 at the beginning of a paragraph.
_TIME = re.compile(r"[\[(]?(?:(\d{1,2}):)?(\d{1,3}):([0-5]\d)(?:[.,]\d+)?[\])]?[ \t–-]*")
#: A name of a few words and a colon.
_SPEAKER = re.compile(r"([^\W\d_][\w.'’\-]*(?: [\w.'’\-]+){0,3}):\s+")


def bring_subtitles(files: Iterable[Path], *, language: str, consent: str | None) -> Brought:
    """Return a testimony for each file with subtitles.

    Args:
        files: WebVTT or SRT. Voice tags name who speaks.
        language: of what is said, BCP 47.
        consent: on what footing the testimonies may be public. Without one they are restricted.

    Raises:
        BringRefused: for a file that is no subtitles.
    """
    brought = Brought("vtt")
    for file in files:
        try:
            segments = segments_of(file)
        except TranscriptRefused as refused:
            raise BringRefused(f"{file}: {refused}") from None
        add_interview(brought, file, segments, language=language, consent=consent)
    return brought


def bring_plain(files: Iterable[Path], *, language: str, consent: str | None) -> Brought:
    """Return a testimony for each transcript that is kept as text. Arguments are those of `bring_subtitles`.

    A paragraph is a segment. It may begin with a time, such as [00:01:23], with who speaks, such as ANNA:, or with both.
    """
    brought = Brought("text")
    for file in files:
        segments = [segment for text in _paragraphs(file, brought) if (segment := _segment(text))]
        if not segments:
            raise BringRefused(f"{file} holds no text")
        add_interview(brought, file, segments, language=language, consent=consent)
    return brought


def _paragraphs(file: Path, brought: Brought) -> list[str]:
    if file.suffix.lower() == ".docx":
        return _paragraphs_of_word(file)
    if (encoding := encoding_of(file)) is not None:
        brought.leave(
            file, "", f"read as {encoding}", "it is not UTF-8; if letters are wrong, save it as text in UTF-8"
        )
    with open_regular(file) as opened:
        text = opened.read(_MAX + 1).decode(encoding or "utf-8-sig", "replace")
    if len(text) > _MAX or "\0" in text:
        raise BringRefused(f"{file} is no transcript: it is too long, or holds what no text does")
    return [" ".join(part.split()) for part in re.split(r"\n[ \t]*\r?\n|\r\n\s*\r\n|\n(?=[\[(]?\d+:\d\d)", text)]


def _paragraphs_of_word(file: Path) -> list[str]:
    try:
        refuse_unsafe(file)
        with open_regular(file) as opened:
            text = mammoth.extract_raw_text(opened).value
    except TableRefused:
        raise BringRefused(
            f"{file} cannot be opened: it is no .docx, is locked, or unpacks to far more than one does"
        ) from None
    except (KeyError, ValueError, SyntaxError, OSError):
        # What the library raises for an archive that lacks the parts of a document, or has broken ones.
        raise BringRefused(f"{file} is no document of a word processor") from None
    return [" ".join(part.split()) for part in text.split("\n\n")]


def _segment(paragraph: str) -> dict[str, Any] | None:
    """Return a paragraph as a segment: its time and who speaks, where it begins with them."""
    segment: dict[str, Any] = {}
    rest = paragraph
    # The time stands before the name or behind it.
    for pattern in (_TIME, _SPEAKER, _TIME):
        if (found := pattern.match(rest)) is None or (pattern is _TIME and segment.get("start_s") is not None):
            continue
        if pattern is _TIME:
            hours, minutes, seconds = (int(part or 0) for part in found.group(1, 2, 3))
            segment["start_s"] = hours * 3600 + minutes * 60 + seconds
        else:
            segment["speaker"] = found.group(1).strip()
        rest = rest[found.end() :]
    return segment | {"text": rest.strip()} if rest.strip() else None


def add_interview(
    brought: Brought, file: Path, segments: list[dict[str, Any]], *, language: str, consent: str | None
) -> str:
    """Add the testimony that a transcript is, with its source and its witness, and return the testimony's identifier.

    The witness is named where exactly one person speaks. Where that is not so, or nobody consents, the testimony is
    restricted: an editor says who it is, and that it may be public.
    """
    speakers = {segment["speaker"] for segment in segments if segment.get("speaker")}
    is_open = consent is not None and len(speakers) == 1
    hidden: dict[str, Any] = {} if is_open else {"visibility": "restricted"}
    # The name of a file may be somebody's.
    described = {"type": "interview", "language": language, "verbatim": True, "access": hidden or None}
    source = brought.source_of(file, described)
    agent: dict[str, Any] = (
        {"name_policy": "published", "name": next(iter(speakers))}
        if is_open
        else {"name_policy": "unknown", "label": "A witness", "access": hidden}
    )
    witness = brought.add("agent", file.name, {"kind": "person", **agent})
    if not is_open:
        why = (
            "nobody's consent is stated (--consent)"
            if consent is None
            else "it does not say who one person is that speaks"
        )
        brought.leave(file, "", "the testimony is restricted", why)
    testimony = {
        "title": file.stem,
        "summary": f"A transcript, as kept in {file.name}.",
        "witness": witness,
        "language": language,
        "attribution": "labelled",
        "transcript": segments,
        "citations": [{"source": source}],
        "access": hidden | ({} if consent is None else {"consent_basis": consent}),
    }
    return brought.add("testimony", file.name, testimony)
