"""Texts from strangers, guided by what they reach in the code: `python -m tests.breaking.parsers NAME -runs=N`.

Each parser may refuse a text, by its own exception, and do nothing else: what it raises beside that ends the run.
"""

import sys
from collections.abc import Callable
from contextlib import suppress

import atheris
from pydantic_core import PydanticCustomError

with atheris.instrument_imports(include=["service"]):
    from service.archive.dates import DateError, parse_day, parse_edtf
    from service.archive.words import is_unspaced
    from service.catalogue.cursor import decode_cursor, decode_parts
    from service.catalogue.words import CHARACTERS_OF_A_WORD, MOST_WORDS, parse_query
    from service.errors import InvalidCursor


def read_date(text: str) -> None:
    with suppress(DateError):
        span = parse_edtf(text)
        assert span.edtf == text
        assert span.earliest is None or span.latest is None or span.earliest <= span.latest
    with suppress(DateError):
        assert parse_day(text).isoformat() == text


def read_cursor(text: str) -> None:
    with suppress(ValueError):
        assert isinstance(decode_parts(text), list)
    with suppress(InvalidCursor):
        cursor = decode_cursor(text, "d12df6feeb69")
        assert decode_cursor(cursor.encode("d12df6feeb69"), "d12df6feeb69") == cursor


def read_words(text: str) -> None:
    with suppress(PydanticCustomError):
        terms = parse_query(text)
        # Four characters of a script that is written without spaces count as one word.
        assert sum(len(term.words) for term in terms) <= MOST_WORDS * CHARACTERS_OF_A_WORD
        assert sum(not is_unspaced(word) for term in terms for word in term.words) <= MOST_WORDS
        assert all(term.words for term in terms)


PARSERS: dict[str, Callable[[str], None]] = {"dates": read_date, "cursors": read_cursor, "words": read_words}


def main() -> None:
    """Run one parser."""
    name, *options = sys.argv[1:]
    parser = PARSERS[name]

    def read(data: bytes) -> None:
        parser(data.decode("utf-8", "replace"))

    atheris.Setup([sys.argv[0], *options], read)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
