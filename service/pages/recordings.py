"""What of a source's files can be played or seen on a page: recordings with their subtitles, and pictures."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from service.pages.reader import Document

File = dict[str, Any]

#: Recordings or pictures of one source that a page shows; all of them are listed below.
SHOWN = 10
_PICTURES = frozenset({"image/avif", "image/gif", "image/jpeg", "image/png", "image/webp"})


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording that is served here."""

    #: The name of the element that plays it: audio or video.
    element: str
    file: File
    #: Its subtitles, a file a language.
    subtitles: list[File]


def recordings_of(source: Document) -> list[Recording]:
    """Return the recordings of a source that can be played here: copies made for that, or the originals where there are none."""
    subtitles = [file for file in _served(source) if file["role"] == "subtitles" and file["media_type"] == "text/vtt"]
    return [
        Recording(family, file, subtitles)
        for file in _copies(source)
        if (family := file["media_type"].partition("/")[0]) in ("audio", "video")
    ][:SHOWN]


def pictures_of(source: Document) -> list[File]:
    """Return the pictures of a source that can be seen here, as recordings are chosen."""
    return [file for file in _copies(source) if file["media_type"] in _PICTURES][:SHOWN]


def heard_in(recordings: Sequence[Recording], segment: Document) -> Recording | None:
    """Return the recording that a segment of a transcript is heard in: the one it names, or the first where it names none."""
    name = segment.get("file")
    return next((each for each in recordings if name in (None, each.file["name"])), None)


def _copies(source: Document) -> list[File]:
    served = list(_served(source))
    copies = [file for file in served if file["role"] == "access_copy"]
    return copies or [file for file in served if file["role"] == "original"]


def _served(source: Document) -> Iterator[File]:
    return (file for file in source["files"] if file["href"] is not None)
