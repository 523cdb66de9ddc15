"""The languages of the interface: which one a reader gets, its words, and the direction of its script."""

import io
from collections.abc import Iterable
from functools import cache
from importlib.resources import files

from babel import Locale
from babel.core import UnknownLocaleError
from babel.messages.pofile import read_po
from markupsafe import Markup, escape

from service.catalogue.languages import look_up
from service.http.negotiation import wished_languages

#: The languages that the interface is written in, by their tags, each under its own name.
LANGUAGES = {
    "en": "English",
    "ru": "Русский",
    "uk": "Українська",
    "ar": "العربية",
    "es": "Español",
    "fr": "Français",
}
#: Scripts that are written from right to left (ISO 15924).
_RIGHT_TO_LEFT = frozenset({"Arab", "Hebr", "Syrc", "Thaa", "Nkoo", "Adlm", "Rohg"})
#: Languages whose usual script is one of these.
_WRITTEN_RIGHT_TO_LEFT = frozenset({"ar", "arc", "ckb", "dv", "fa", "he", "ks", "ps", "sd", "syr", "ug", "ur", "yi"})


#: Day before month, as most of the world writes it.
_LOCALES = {"en": "en_GB"}


def N_(message: str) -> str:  # noqa: N802 - the name that extractors of messages know
    """Mark a message of the interface where it is not yet said: it is translated where it is shown."""
    return message


class Words:
    """The messages of the interface in one language. English is what the messages are written in."""

    def __init__(self, language: str) -> None:
        self.language = language
        self.locale = Locale.parse(_LOCALES.get(language, language))
        self._messages = _read_messages(language)
        # Messages as HTML: a page says a hundred of them.
        self._as_html: dict[str, Markup] = {}

    def say(self, message: str, **values: object) -> Markup:
        """Return a message in this language as HTML. Values are put in at `%(name)s`, and escaped."""
        said = self._as_html.get(message)
        if said is None:
            said = self._as_html[message] = escape(self._messages.get(message, message))
        if not values:
            return said
        return Markup(str(said) % {name: escape(value) for name, value in values.items()})  # noqa: S704 - escaped

    def text(self, message: str, **values: object) -> str:
        """Return a message in this language as plain text, for what is not HTML."""
        said = self._messages.get(message, message)
        return said % values if values else said


@cache
def words_of(language: str) -> Words:
    """Return the words of a language of the interface."""
    return Words(language)


def _read_messages(language: str) -> dict[str, str]:
    file = files("service.pages") / "locale" / language / "LC_MESSAGES" / "messages.po"
    if language == "en" or not file.is_file():
        return {}
    catalogue = read_po(io.BytesIO(file.read_bytes()), locale=language, abort_invalid=True)
    return {str(message.id): str(message.string) for message in catalogue if message.id and message.string}


def interface_language(wishes: Iterable[str], archive_language: str) -> str:
    """Return the language of the interface for a reader with these wishes; where none fits, the archive's own language if
    the interface is written in it, else English.
    """
    return look_up((*wishes, archive_language.lower()), LANGUAGES) or "en"


def words_for(accepted: str | None) -> Words:
    """Return the words of the interface for a reader by what their browser accepts, where no release is at hand."""
    return words_of(interface_language(wished_languages(None, accepted), "en"))


def direction_of(tag: str) -> str:
    """Return the direction in which a language (BCP 47) is written: ltr or rtl."""
    language, *rest = tag.split("-")
    script = next((part for part in rest if len(part) == 4 and part.isalpha()), None)
    if script is not None:
        return "rtl" if script.title() in _RIGHT_TO_LEFT else "ltr"
    return "rtl" if language.lower() in _WRITTEN_RIGHT_TO_LEFT else "ltr"


@cache
def language_name(tag: str, interface: str) -> str:
    """Return the name of a language (BCP 47) in a language of the interface; the tag itself where there is none."""
    try:
        name = Locale.parse(tag, sep="-").get_display_name(interface)
    except (UnknownLocaleError, ValueError):
        return tag
    return name or tag
