"""Citations against texts, and the words of a source in the archive's own."""

import hashlib
from collections.abc import Iterator
from typing import get_args, get_origin

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import AfterValidator, StringConstraints

from service.archive.evidence import (
    OWN_WORDS,
    RUN_LENGTH,
    WordRuns,
    check_citation,
    is_measure_of,
    own_words,
    sha256_of,
)
from service.archive.model import ArchiveFile, Citation, Part, Segment, SourceText

HASH = sha256_of("x")


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, []),
        ({"page": 3}, []),
        ({"page": "iv", "quote": "x"}, []),
        ({"time": [0, 0]}, []),
        ({"time": [1, 2.5]}, []),
        ({"start": 0, "end": 1, "sha256": HASH}, []),
        ({"start": 0, "end": 1, "sha256": HASH, "quote": "x"}, []),
        ({"start": 0, "end": 1, "sha256": HASH, "quote": "X"}, [("quote_mismatch", "/quote")]),
        ({"start": 0, "end": 1}, [("missing_field", "")]),
        ({"sha256": HASH}, [("missing_field", "")]),
        ({"end": 1, "sha256": HASH}, [("missing_field", "")]),
        ({"start": 0, "end": 0, "sha256": HASH}, [("passage_out_of_range", "/end")]),
        ({"start": 2, "end": 1, "sha256": HASH}, [("passage_out_of_range", "/end")]),
        ({"start": -1, "end": 1, "sha256": HASH}, [("passage_out_of_range", "/end")]),
        ({"start": 0, "end": 2**70, "sha256": HASH}, [("passage_out_of_range", "/end")]),
        ({"time": [2, 1]}, [("passage_out_of_range", "/time")]),
        ({"page": 1, "time": [1, 2]}, [("invalid_value", "")]),
        ({"page": 1, "start": 0, "end": 1, "sha256": HASH}, [("invalid_value", "")]),
    ],
)
def test_check_citation(fields: dict[str, object], expected: list[tuple[str, str]]) -> None:
    citation = Citation.model_validate({"source": "src-one", **fields})
    assert [(found.code, found.pointer) for found in check_citation(citation)] == expected


@pytest.mark.parametrize("text", ["", "a", "é", "𝔄", "a\r\nb\n", "e\u0301", "\ufeffa", "a\0b", "עברית"])
def test_is_measure_of_takes_a_text_as_it_stands(text: str) -> None:
    data = text.encode()
    measure = SourceText(length=len(text), bytes=len(data), sha256=hashlib.sha256(data).hexdigest())
    assert is_measure_of(measure, text)
    assert not is_measure_of(measure, text + " ")
    assert not is_measure_of(measure.model_copy(update={"length": len(text) + 1}), text)
    assert not is_measure_of(measure.model_copy(update={"bytes": len(data) + 1}), text)
    assert not is_measure_of(measure.model_copy(update={"sha256": "0" * 64}), text)


def runs_of(text: str) -> WordRuns:
    runs = WordRuns()
    runs.add("src-one", text)
    return runs


@pytest.mark.parametrize(
    ("source", "text", "is_found"),
    [
        ("one two three four five six seven eight", "one two three four five six seven eight", True),
        ("one two three four five six seven eight", "One, TWO; three\nfour\tfive—six (seven) EIGHT!", True),
        ("one two three four five six seven eight", "one_two_three_four_five_six_seven_eight", True),
        (
            "one two three four five six seven eight",
            "zero one two three four five six seven eight nine",
            True,
        ),
        ("one two three four five six seven eight", "one two three four five six seven", False),
        ("one two three four five six seven eight", "one two three four x five six seven eight", False),
        ("one two three four five six seven eight", "", False),
        ("one two three four five six seven", "one two three four five six seven", False),
        ("раз два три четыре пять шесть семь восемь", "Раз два три четыре пять шесть семь восемь", True),
        ("1 2 3 4 5 6 7 8", "1 2 3 4 5 6 7 8", True),
        ("caf\u00e9 b c d e f g h", "cafe\u0301 b c d e f g h", True),
        ("אחת שתיים שלוש ארבע חמש שש שבע שמונה", "אחת שתיים שלוש ארבע חמש שש שבע שמונה.", True),
    ],
)
def test_word_runs(source: str, text: str, *, is_found: bool) -> None:
    assert (runs_of(source).find(text) == "src-one") is is_found


@given(st.lists(st.sampled_from("abcdefgh"), max_size=40), st.integers(0, 40), st.integers(0, 20))
def test_a_run_is_found_if_it_is_long_enough(words: list[str], start: int, length: int) -> None:
    part = words[start : start + length]
    found = runs_of(" ".join(words)).find(" ".join(part))
    assert (found is not None) == (len(part) >= RUN_LENGTH)


def test_word_runs_without_any_are_nothing() -> None:
    assert not WordRuns()
    assert not runs_of("seven words are too few for one")


def test_own_words_leaves_out_what_is_not_ours() -> None:
    record = {
        "id": "tes-a",
        "title": "T",
        "summary": 7,
        "url": "https://example.org/a-b",
        "content_warnings": ["a", None, "b"],
        "translations": {"sr-Latn": {"title": "N"}},
        "transcript": [{"text": "x", "title": "x"}],
        "citations": [{"source": "src-a", "quote": "x", "note": "n"}],
        "access": {"private": {"title": "x"}},
    }
    assert list(own_words(record)) == [
        ("/title", "T"),
        ("/content_warnings/0", "a"),
        ("/content_warnings/2", "b"),
        ("/translations/sr-Latn/title", "N"),
        ("/citations/0/note", "n"),
    ]


@pytest.mark.parametrize("value", [None, 7, "text", [], {}, [["text"]], {"id": {"x": "text"}}])
def test_own_words_of_anything(value: object) -> None:
    assert list(own_words(value)) == []


def test_every_text_of_the_format_is_ours_or_a_source_s() -> None:
    # A text is checked for its characters; so is an address, which is then checked for its form too.
    def texts(model: type[Part]) -> Iterator[str]:
        for name, field in model.model_fields.items():
            marks = [*field.metadata, *inside(field.annotation)]
            is_address = any(isinstance(mark, AfterValidator) for mark in marks)
            if any(isinstance(mark, StringConstraints) and mark.min_length for mark in marks) and not is_address:
                yield name
            for part in marks:
                if isinstance(part, type) and issubclass(part, Part) and part is not Segment:
                    yield from texts(part)

    def inside(annotation: object) -> Iterator[object]:
        # The keys of translations, languages, are no texts: only what they name is looked at.
        inner = get_args(annotation)[1:] if get_origin(annotation) is dict else get_args(annotation)
        yield annotation
        yield from getattr(annotation, "__metadata__", ())
        for part in inner:
            yield from inside(part)

    # A quote is the source's; the reference of a consent is private; the value of an identifier is a name or a number.
    assert set(texts(ArchiveFile)) - OWN_WORDS == {"quote", "reference", "value"}
