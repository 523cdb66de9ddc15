"""Passages against the texts they are cited from: the copies of sources at hand, or else the texts in the archive."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from service.archive.checks.ledger import Ledger
from service.archive.evidence import WordRuns, blanked, is_measure_of, own_words, sha256_of
from service.archive.reading import Finding, Item, locate, open_regular, read_archive
from service.errors import ArchiveUnreadable

#: A finding, and the number of the piece of the file that it is about.
Numbered = tuple[int, Finding]


def check_copies(path: Path, ledger: Ledger, sources: Mapping[str, Path], *, last: int | None) -> Iterator[Numbered]:
    """Check passages against the texts at hand, and the archive's own words against copies.

    `last` is the number of the file's last piece where every piece could be read: else a source that is not there may
    only have been unreadable. Raises ArchiveUnreadable for a copy that cannot be read.
    """
    for source in ledger.sources_with_content():
        if source not in sources:
            yield from _check_passages(ledger, source, ledger.content_of(source))
    runs = WordRuns()
    for source, copy in sources.items():
        yield from _check_copy(ledger, source, _read_copy(copy), runs=runs, last=last)
    if runs:
        yield from _find_runs(path, runs)


def _check_copy(ledger: Ledger, source: str, text: str, *, runs: WordRuns, last: int | None) -> Iterator[Numbered]:
    stated = ledger.source(source)
    if stated is None:
        if last is not None:
            detail = f"A copy was given of `{source}`, which is no source of the archive."
            yield last + 1, Finding("dangling_reference", "", detail)
        return
    if not stated.is_verbatim:
        runs.add(source, text)
    if stated.text is not None and not is_measure_of(stated.text, text):
        # Whoever holds the source as it was can hold it against what is left of it.
        text = blanked(text, ledger.redactions(source))
    if stated.text is not None and not is_measure_of(stated.text, text):
        # Its passages are not looked at: in another text, each would be one more way to say the same.
        detail = "The copy is not this text: its length, bytes or SHA-256 differ."
        yield stated.number, Finding("source_hash_mismatch", locate(stated.place, "/text"), detail)
    else:
        yield from _check_passages(ledger, source, text)


def _check_passages(ledger: Ledger, source: str, text: str) -> Iterator[Numbered]:
    for number, pointer, start, end, sha256 in ledger.passages(source):
        if end <= len(text) and sha256_of(text[start:end]) != sha256:
            detail = f"The passage of `{source}` at these offsets has another SHA-256."
            yield number, Finding("passage_hash_mismatch", pointer, detail)


def _find_runs(path: Path, runs: WordRuns) -> Iterator[Numbered]:
    # The file is read again: which sources may not be repeated is not known before its end.
    for number, piece in enumerate(read_archive(path), 1):
        # The title of a source is the source's own, and in its text too.
        if isinstance(piece, Item) and piece.kind != "source":
            for at, text in own_words(piece.value):
                if (source := runs.find(text)) is not None:
                    detail = f"Eight words in a row are those of `{source}`, which is not `verbatim`."
                    yield number, Finding("source_text_in_summary", locate(piece.place, at), detail)


def _read_copy(path: Path) -> str:
    try:
        with open_regular(path) as file:
            return file.read().decode()
    except UnicodeDecodeError:
        raise ArchiveUnreadable(f"{path} is not UTF-8, as the copy of a source must be.") from None
