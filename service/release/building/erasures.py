"""Which changes take something back: whoever keeps copies must erase the earlier ones, and no digest of them is kept."""

from service.archive.transcripts import shown_names
from service.release.projection import PublicRecord


def takes_back_a_name(before: PublicRecord, after: PublicRecord) -> bool:
    """Tell whether an agent whose name was published is no longer named so. Its name may have stood in any record."""
    if before["record"] != "agent":
        return False
    was_named = before["name_policy"] == "published"
    return was_named and (
        after["name_policy"] != "published" or (before.get("name") is not None and not after.get("name"))
    )


def shows_less(before: PublicRecord, after: PublicRecord) -> bool:
    """Tell whether a record shows less than before of what people said or who they are: a passage or segment redacted, a
    transcript or the text of a source taken out, a name taken back.
    """
    return (
        takes_back_a_name(before, after)
        or bool(_redacted_passages(after) - _redacted_passages(before))
        or bool(_spoken(before) - _spoken(after))
        or (_has_text(before) and not _has_text(after))
    )


def _redacted_passages(public: PublicRecord) -> set[tuple[int, int]]:
    return {(each["start"], each["end"]) for each in public.get("redactions", ())}


def _spoken(public: PublicRecord) -> set[tuple[str, str]]:
    """Return which segments of a transcript have words, each with the languages they can be read in."""
    return {
        (name, language)
        for name, segment in shown_names(public)
        if "text" in segment
        for language in ("", *segment.get("translations", ()))
    }


def _has_text(public: PublicRecord) -> bool:
    return "content" in (public.get("text") or {})
