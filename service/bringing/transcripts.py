"""Transcripts brought as testimonies: subtitles (WebVTT, SRT)."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from service.archive.tables.transcripts import TranscriptRefused, segments_of
from service.bringing.brought import Brought
from service.errors import BringRefused


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


def add_interview(
    brought: Brought, file: Path, segments: list[dict[str, Any]], *, language: str, consent: str | None
) -> str:
    """Add the testimony that a transcript is, with its source and its witness, and return the testimony's identifier.

    The witness is named where exactly one person speaks. Where that is not so, or nobody consents, the testimony is
    restricted: an editor says who it is, and that it may be public.
    """
    source = brought.source_of(file, {"type": "interview", "language": language, "verbatim": True})
    speakers = {segment["speaker"] for segment in segments if segment.get("speaker")}
    is_open = consent is not None and len(speakers) == 1
    hidden: dict[str, Any] = {} if is_open else {"visibility": "restricted"}
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
