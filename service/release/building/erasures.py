"""Which changes take something back: whoever keeps copies must erase the earlier ones, and no digest of them is kept."""

from collections.abc import Iterator

from service.archive.protected_names import published_names
from service.release.projection import PublicRecord


def takes_back_a_name(before: PublicRecord, after: PublicRecord) -> bool:
    """Tell whether an agent whose name was published is no longer named so, nor by another name that it had. Such a name may
    have stood in any record.
    """
    if before["record"] != "agent":
        return False
    was_named = before["name_policy"] == "published"
    return was_named and (
        after["name_policy"] != "published"
        or (before.get("name") is not None and not after.get("name"))
        or not {each["text"] for each in before.get("names", ())} <= set(published_names(after))
    )


def shows_less(before: PublicRecord, after: PublicRecord) -> bool:
    """Tell whether a record shows less than before of what people said or who they are: a passage or segment redacted, a
    transcript, the text or a file of a source taken out, a name taken back.
    """
    return (
        takes_back_a_name(before, after)
        or bool(_redacted_passages(after) - _redacted_passages(before))
        or bool(_spoken(before) - _spoken(after))
        or bool(_passages(before) - _passages(after))
        or (_has_text(before) and not _has_text(after))
        or not _files(before) <= _files(after)
    )


def _redacted_passages(public: PublicRecord) -> set[tuple[int, int]]:
    return {(each["start"], each["end"]) for each in public.get("redactions", ())}


def _passages(public: PublicRecord) -> set[tuple[str, str]]:
    """Return what citations show of the words of sources: quotes, and hashes, from which a few words can be guessed."""
    return {(key, value) for key, value in _leaves(public) if key in ("quote", "sha256")}


def _leaves(value: object, key: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from _leaves(inner, name)
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner, key)


def _spoken(public: PublicRecord) -> set[tuple[str | int, str]]:
    """Return which segments of a transcript have words, each with the languages they can be read in."""
    return {
        (segment.get("id", number), language)
        for number, segment in enumerate(public.get("transcript", ()))
        if "text" in segment
        for language in ("", *segment.get("translations", ()))
    }


def _has_text(public: PublicRecord) -> bool:
    return "content" in (public.get("text") or {})


def _files(public: PublicRecord) -> set[str]:
    return {file["sha256"] for file in public.get("files", [])}
