"""What a record is called where others name it, and the languages of its texts."""

from typing import Any

from service.release.projection import PublicRecord


def labelling_field(public: PublicRecord) -> str | None:
    """Return the field that other records show of this one: for an agent whose name is not published, the label. None of
    a response without a subject.
    """
    record = str(public["record"])
    if record == "agent":
        return "name" if public["name_policy"] == "published" else "label"
    if record == "response":
        return "subject" if public.get("subject") else None
    return {"place": "name", "topic": "label"}.get(record, "title")


def shown_label(public: PublicRecord) -> str:
    """Return what other records show of this one; of a response without a subject, what kind it is."""
    name = labelling_field(public)
    return str(public["kind"].replace("_", " ") if name is None else public[name])


def translated_labels(public: PublicRecord) -> dict[str, str]:
    """Return what other records show of this one in other languages, by language."""
    translations: dict[str, dict[str, Any]] = public.get("translations", {})
    if not translations:
        return {}
    name = labelling_field(public)
    return {language: texts[name] for language, texts in translations.items() if name in texts}


def own_language(public: PublicRecord, archive_language: str) -> str:
    """Return the language that a record's text fields are written in: a source's title is in the source's language, all
    else is in the archive's own words. A testimony's `language` is that of what was said, its transcript.
    """
    return str(public["language"]) if public["record"] == "source" else archive_language
