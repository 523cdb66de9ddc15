"""Which changes take something back: whoever keeps copies must erase the earlier ones, and no digest of them is kept."""

from typing import Any

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
    transcript or the text of a source taken out, a name taken back.
    """
    return (
        takes_back_a_name(before, after)
        or _redactions(after) > _redactions(before)
        or len(after.get("transcript", [])) < len(before.get("transcript", []))
        or (_has_text(before) and not _has_text(after))
    )


def _redactions(public: PublicRecord) -> int:
    segments: list[dict[str, Any]] = public.get("transcript", [])
    return len(public.get("redactions", [])) + sum("redacted" in segment for segment in segments)


def _has_text(public: PublicRecord) -> bool:
    return "content" in (public.get("text") or {})
