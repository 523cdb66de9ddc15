"""Content negotiation (RFC 9110, section 12): which media type, language and coding a request asks for."""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Concatenate, ParamSpec, TypeVar

from service.errors import NotAcceptable, ParameterError

JSON = "application/json"
JSONLD = "application/ld+json"
ATOM = "application/atom+xml"
VTT = "text/vtt"
TEXT = "text/plain"
HTML = "text/html"
CSV = "text/csv"
NDJSON = "application/x-ndjson"
GEOJSON = "application/geo+json"

#: Ranges of an Accept or Accept-Encoding header that are read, and parameters of each. Clients send ten at most.
MAX_RANGES = 100
#: Language ranges of an Accept-Language header that are read. Browsers send ten at most.
MAX_LANGUAGES = 20
#: Headers that are remembered as they were read: the clients of one kind send the same.
REMEMBERED = 256
#: The longest of these, in characters. Browsers send 150.
REMEMBERED_LENGTH = 300

_WEIGHT = re.compile(r"[01](?:\.[0-9]{0,9})?|\.[0-9]{1,9}")

P = ParamSpec("P")
T = TypeVar("T")


def _quality(parameters: Sequence[str]) -> float:
    """Return the weight among the parameters of a range; 0 where it is none (RFC 9110, section 12.4.2)."""
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "q":
            return min(1.0, float(value)) if _WEIGHT.fullmatch(value.strip()) else 0.0
    return 1.0


def accepted(header: str) -> list[tuple[str, float]]:
    """Return the tokens of an Accept or Accept-Encoding header in lower case with their qualities, in order. What is beyond
    MAX_RANGES is not read.
    """
    ranges = []
    for part in header.split(",", MAX_RANGES)[:MAX_RANGES]:
        token, *parameters = part.split(";", MAX_RANGES)[:MAX_RANGES]
        if token.strip():
            ranges.append((token.strip().lower(), _quality(parameters)))
    return ranges


def remembering(read: Callable[Concatenate[str | None, P], T]) -> Callable[Concatenate[str | None, P], T]:
    """Remember what was read from a header, where it is no longer than those that clients send."""
    remembered = lru_cache(REMEMBERED)(read)

    def read_again(header: str | None, /, *given: P.args, **named: P.kwargs) -> T:
        if header is not None and len(header) > REMEMBERED_LENGTH:
            return read(header, *given, **named)
        return remembered(header, *given, **named)  # type: ignore[arg-type] # all arguments can be hashed

    return read_again


@remembering
def choose_media_type(header: str | None, available: tuple[str, ...]) -> str:
    """Return the media type to answer with: the one the client prefers, the first where it does not care.

    Raises NotAcceptable, which lists what there is, where the header excludes all.
    """
    if not header or not header.strip():
        return available[0]
    ranges = accepted(header)

    def preference(media_type: str) -> float:
        family = media_type.partition("/")[0] + "/*"
        # The most specific range that names the type decides, whatever its quality.
        for wanted in (media_type, family, "*/*"):
            for token, quality in ranges:
                if token == wanted:
                    return quality
        return 0.0

    best = max(available, key=preference)
    if preference(best) <= 0:
        listed = ", ".join(available)
        raise NotAcceptable(
            f"This address answers with {listed}.",
            errors=[ParameterError("Accept", "excludes everything there is", tuple(available))],
        )
    return best


def prefers_html(header: str | None) -> bool:
    """Tell whether an Accept header asks for HTML before JSON, as browsers do. Clients that accept anything get JSON."""
    try:
        return choose_media_type(header, (JSON, HTML)) == HTML
    except NotAcceptable:
        return False


def choose_format(named: str | None, header: str | None, offers: Mapping[str, str]) -> str:
    """Return the media type to answer with: that of the format named, else the one that the Accept header prefers.

    `offers` are media types by the name of the format, the first the default. Raises NotAcceptable.
    """
    return choose_media_type(header, tuple(offers.values())) if named is None else offers[named]


def wished_languages(named: str | None, header: str | None) -> tuple[str, ...]:
    """Return the languages wished for, in lower case, the dearest first; none where the original is.

    `named` goes before the Accept-Language header. A `*` ends the list: any language will do from there on.
    """
    if named is not None:
        return () if named == "*" else (named.lower(),)
    if not header:
        return ()
    ranges = [(token, quality) for token, quality in accepted(header)[:MAX_LANGUAGES] if quality > 0]
    tokens = [token for token, _ in sorted(ranges, key=lambda wish: -wish[1])]
    return tuple(tokens[: tokens.index("*")] if "*" in tokens else tokens)
