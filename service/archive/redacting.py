"""Taking words out of a transcript or of a source's text: what is blanked, and which places still repeat it.

Segments keep their names and other passages their offsets. The file keeps every byte that this does not concern, and is
replaced whole. Knows no release. What it tells of the file are identifiers and pointers, never the words.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal

from service.archive.checks.report import MAX_FINDINGS
from service.archive.editing import items_of, leaves_of, replacing, write_changed
from service.archive.evidence import RUN_LENGTH, blanked, runs_of, sha256_of
from service.archive.reading import join_pointer, locate
from service.archive.transcripts import places_of, shown_name
from service.archive.vocabularies import RedactionReason
from service.errors import EditRefused

#: [start, end) in code points of a source's text.
Passage = tuple[int, int]
#: Words that are looked for: fewer in a row stand everywhere.
LEAST_WORDS = 3
#: What a segment keeps when its words go.
_KEPT = ("id", "start_s", "end_s", "speaker", "speaker_agent", "language", "file")


@dataclass(frozen=True, slots=True)
class Place:
    """A place in the file that still tells of the words, for an editor to judge."""

    #: `quotes` a passage that overlaps, `repeats` words of it, `describes` a segment in a table of contents, or `holds` them: a
    #: public file of a source that is cited.
    kind: Literal["quotes", "repeats", "describes", "holds"]
    #: Where, in the file as it is now: RFC 6901, or the line of a `.jsonl`.
    pointer: str
    #: The record that stands there; `archive` for the head.
    record: str


@dataclass(frozen=True, slots=True)
class Redacted:
    """What a redaction came to: how many segments or passages, how many hashes of passages were renewed, what is left."""

    taken_out: int
    renewed: int
    places: list[Place]
    #: Whether there are more places than are kept.
    more: bool


def redact_segments(path: Path, testimony: str, names: Sequence[str], *, reason: RedactionReason) -> Redacted:
    """Leave out the words of segments of a transcript, with their translations. A segment may be named by its position.

    Raises:
        EditRefused: for a testimony or a segment that is not there, and for a file that is broken or being changed.
        ArchiveUnreadable: for a file that cannot be opened or read.

    In each case, and also when the process is killed, the file is as it was.
    """
    path = path.resolve()
    with replacing(path) as file:
        before = _record(path, "testimony", testimony)
        segments: list[dict[str, Any]] = before.get("transcript", [])
        chosen = _chosen(testimony, segments, names)
        words = [text for place in chosen for text in _texts(segments[place])]
        gone = {name for name, place in places_of(testimony, segments).items() if place in chosen}

        def change(kind: str, value: dict[str, Any]) -> dict[str, Any] | None:
            if kind != "testimony" or value.get("id") != testimony:
                return None
            left = [_without_words(each, reason) if at in chosen else each for at, each in enumerate(segments)]
            return {**value, "transcript": left}

        write_changed(path, file, change)
        file.flush()
        cited = {each.get("source") for each in before.get("citations", ())}
        places = list(_first(_places(Path(file.name), words, cited, testimony=testimony, gone=gone)))
    return Redacted(len(chosen), 0, places[:MAX_FINDINGS], len(places) > MAX_FINDINGS)


def redact_passages(
    path: Path, source: str, passages: Sequence[Passage], *, reason: RedactionReason, today: date
) -> Redacted:
    """Blank passages of a source's text, as of `today` (UTC), and renew the hashes of all passages that overlap them.

    Raises:
        EditRefused: for a source that is not there or whose text the archive does not hold, for a passage that is not
            within it, and for a file that is broken or being changed.
        ArchiveUnreadable: for a file that cannot be opened or read.

    In each case, and also when the process is killed, the file is as it was.
    """
    path = path.resolve()
    with replacing(path) as file:
        content = _content(path, source)
        for start, end in passages:
            if not 0 <= start < end <= len(content):
                raise EditRefused(
                    f"{start}-{end} is no passage of {source}, whose text has {len(content)} characters; nothing was changed."
                )
        edit = _PassageEdit(source, content, passages, reason, today)
        write_changed(path, file, edit.change)
        file.flush()
        words = [content[start:end] for start, end in passages]
        places = list(_first(_places(Path(file.name), words, {source}, source=source, passages=passages)))
    return Redacted(len(passages), edit.renewed, places[:MAX_FINDINGS], len(places) > MAX_FINDINGS)


# --- Segments ---------------------------------------------------------------------------------------------------------


def _chosen(testimony: str, segments: Sequence[Mapping[str, Any]], names: Sequence[str]) -> set[int]:
    """Return the places of the segments that are named. Raises EditRefused."""
    places = places_of(testimony, segments)
    for name in names:
        if name not in places:
            shown = shown_name(testimony, 1, segments[0].get("id")) if segments else None
            known = f"its first segment is {shown}" if shown else "it has no transcript"
            raise EditRefused(f"{testimony} has no segment {name} ({known}); nothing was changed.")
    return {places[name] for name in names}


def _texts(segment: Mapping[str, Any]) -> Iterator[str]:
    for part in (segment, *segment.get("translations", {}).values()):
        if "text" in part:
            yield part["text"]


def _without_words(segment: Mapping[str, Any], reason: RedactionReason) -> dict[str, Any]:
    return {**{key: segment[key] for key in _KEPT if key in segment}, "redacted": reason}


# --- Passages ---------------------------------------------------------------------------------------------------------


def _content(path: Path, source: str) -> str:
    text = _record(path, "source", source).get("text")
    content = text.get("content") if isinstance(text, dict) else None
    if not isinstance(content, str):
        raise EditRefused(
            f"The archive does not hold the text of {source}, so nothing in it can be blanked; nothing was changed."
        )
    return content


class _PassageEdit:
    """Changes the records of an archive as the redaction of passages needs it."""

    def __init__(
        self, source: str, content: str, passages: Sequence[Passage], reason: RedactionReason, today: date
    ) -> None:
        self._source = source
        self._passages = passages
        self._content = blanked(content, passages)
        self._entries = [
            {"start": start, "end": end, "reason": reason, "on": today.isoformat()} for start, end in passages
        ]
        #: Hashes of passages that were renewed.
        self.renewed = 0

    def change(self, kind: str, value: dict[str, Any]) -> dict[str, Any] | None:
        """Return a record changed, or None where it stays as it is."""
        if kind == "source" and value.get("id") == self._source:
            return self._blanked(value)
        return value if self._renew(value) else None

    def _blanked(self, source: dict[str, Any]) -> dict[str, Any]:
        data = self._content.encode()
        text = {
            **source["text"],
            "length": len(self._content),
            "bytes": len(data),
            "sha256": sha256_of(self._content),
            "content": self._content,
        }
        return {**source, "text": text, "redactions": [*source.get("redactions", []), *self._entries]}

    def _renew(self, value: object) -> bool:
        """Renew the hashes of citations inside a value, and tell whether there were such."""
        if isinstance(value, list):
            return sum(map(self._renew, value)) > 0
        if not isinstance(value, dict):
            return False
        if value.get("source") != self._source or "sha256" not in value or not overlaps(value, self._passages):
            return sum(self._renew(each) for key, each in value.items() if key != "access") > 0
        value["sha256"] = sha256_of(self._content[value["start"] : value["end"]])
        self.renewed += 1
        return True


def overlaps(citation: Mapping[str, Any], passages: Sequence[Passage]) -> bool:
    """Tell whether a citation, as JSON, names a passage that overlaps one of these."""
    first, last = citation.get("start"), citation.get("end")
    if not isinstance(first, int) or not isinstance(last, int):
        return False
    return any(first < end and start < last for start, end in passages)


# --- What still tells of the words ------------------------------------------------------------------------------------


def _record(path: Path, kind: str, record_id: str) -> dict[str, Any]:
    found = [value for item, value in items_of(path) if item.kind == kind and value.get("id") == record_id]
    if not found:
        raise EditRefused(f"{record_id} is no {kind} of this archive; nothing was changed in {path}.")
    return dict(found[0])


def _first(places: Iterator[Place]) -> Iterator[Place]:
    yield from (place for place, _ in zip(places, range(MAX_FINDINGS + 1), strict=False))


class _Repeated:
    """Finds texts that repeat some of the words that were taken out: eight in a row, or all where there are fewer."""

    def __init__(self, texts: Collection[str]) -> None:
        self._runs: dict[int, set[int]] = {}
        for text in texts:
            length = min(RUN_LENGTH, sum(1 for _ in runs_of(text, 1)))
            if length >= LEAST_WORDS:
                self._runs.setdefault(length, set()).update(runs_of(text, length))

    def stands_in(self, text: str) -> bool:
        return any(not runs.isdisjoint(runs_of(text, length)) for length, runs in self._runs.items())


def _places(
    path: Path,
    words: Collection[str],
    cited: Collection[str],
    *,
    testimony: str = "",
    gone: Collection[str] = (),
    source: str = "",
    passages: Sequence[Passage] = (),
) -> Iterator[Place]:
    """Yield, in the order of the file, each place outside `access` that still tells of what was taken out."""
    repeated = _Repeated(words)
    for item, value in items_of(path):
        if item.kind in ("withdrawn", "format"):
            continue
        record = "archive" if item.kind == "archive" else str(value.get("id"))
        quoting = set(_quoting(value, source, passages))
        for steps in sorted(quoting, key=str):
            yield Place("quotes", locate(item.place, join_pointer(steps)), record)
        if item.kind == "source" and record in cited:
            for number, held in enumerate(value.get("files", ())):
                if held.get("public") and held.get("role") != "thumbnail":
                    yield Place("holds", locate(item.place, f"/files/{number}"), record)
        if record == testimony:
            for number, entry in enumerate(value.get("index", ())):
                if entry.get("segment") in gone:
                    yield Place("describes", locate(item.place, f"/index/{number}"), record)
        for steps, text in leaves_of(value):
            if steps[0] != "access" and steps not in quoting and repeated.stands_in(text):
                yield Place("repeats", locate(item.place, join_pointer(steps)), record)


def _quoting(
    value: object, source: str, passages: Sequence[Passage], steps: tuple[str | int, ...] = ()
) -> Iterator[tuple[str | int, ...]]:
    """Yield the steps to each quote of a passage that overlaps."""
    if isinstance(value, list):
        for number, each in enumerate(value):
            yield from _quoting(each, source, passages, (*steps, number))
    elif isinstance(value, dict):
        if value.get("source") == source and "quote" in value and overlaps(value, passages):
            yield (*steps, "quote")
        for key, each in value.items():
            if key != "access":
                yield from _quoting(each, source, passages, (*steps, key))
