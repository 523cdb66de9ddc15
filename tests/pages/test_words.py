"""The words of the reading room: no message without a translation, and dates and figures as each language writes them."""

import io
import re
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import pytest
from babel.messages.extract import extract
from babel.messages.pofile import read_po
from jinja2.ext import babel_extract

from service.archive import vocabularies
from service.archive.terms import EXTENDED, FIXED
from service.archive.vocabularies import Qualifier
from service.catalogue.criteria import sort_choices
from service.pages.dates import date_in_words
from service.pages.figures import Scale, charts_of, drawing_of, figure_in_words
from service.pages.languages import LANGUAGES, direction_of, interface_language, words_of
from service.pages.vocabulary import FILTERS, ORDERS, VALUES, word_of
from tests.archives import CRITERIA

ROOM = Path("service/pages")
TRANSLATED = [language for language in LANGUAGES if language != "en"]
_PLACE = re.compile(r"%\(\w+\)s")


def messages() -> set[str]:
    """Return every message that templates and code say. What is said by a name has its message elsewhere."""
    found: set[str | None] = set()
    templates = [*ROOM.glob("templates/*.html")]
    assert len(templates) > 10
    for path in templates:
        with path.open("rb") as file:
            found |= {_first(message) for _, _, message, _ in babel_extract(file, ("_",), [], {})}
    for path in ROOM.glob("*.py"):
        with path.open("rb") as file:
            keywords = {"N_": None, "text": None, "say": None}
            found |= {_first(message) for _, message, _, _ in extract("python", file, keywords=keywords)}
    return {each for each in found if each}


def _first(message: Any) -> str | None:
    first = message[0] if isinstance(message, tuple) and message else message
    return first if isinstance(first, str) else None


def catalogue(language: str) -> dict[str, str]:
    path = ROOM / "locale" / language / "LC_MESSAGES" / "messages.po"
    read = read_po(io.BytesIO(path.read_bytes()), locale=language, abort_invalid=True)
    assert not [message.id for message in read if message.id and message.fuzzy]
    return {str(message.id): str(message.string) for message in read if message.id}


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_message_is_translated_and_no_other(language: str) -> None:
    translated = catalogue(language)
    assert {each for each, text in translated.items() if text} == messages()
    for message, text in translated.items():
        assert sorted(_PLACE.findall(message)) == sorted(_PLACE.findall(text)), message


def test_templates_say_nothing_that_is_no_message() -> None:
    for path in ROOM.glob("templates/*.html"):
        shown = re.sub(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}|<[^>]*>|&\w+;", " ", path.read_text(), flags=re.DOTALL)
        assert set(re.findall(r"[A-Za-z]{3,}", shown)) <= {"SHA"}, path


@pytest.mark.parametrize(
    ("wishes", "archive", "language"),
    [
        (("ru-ru", "en"), "en", "ru"),
        (("de", "uk"), "en", "uk"),
        (("de",), "ru", "ru"),
        (("de",), "sr-Latn", "en"),
        ((), "ar", "ar"),
        (("fr-CA".lower(),), "en", "fr"),
    ],
)
def test_a_reader_gets_the_language_they_wish_for(wishes: tuple[str, ...], archive: str, language: str) -> None:
    assert interface_language(wishes, archive) == language


def test_scripts_run_in_their_direction() -> None:
    assert [direction_of(tag) for tag in ("ar", "fa-IR", "en", "ru", "az-Arab", "ar-Latn", "sr-Latn")] == [
        "rtl", "rtl", "ltr", "ltr", "rtl", "ltr", "ltr",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("edtf", "english", "russian"),
    [
        (None, "date not stated", "дата не названа"),
        ("2021", "2021", "2021"),
        ("2021-05", "May 2021", "май 2021 г."),
        ("2021-05-09", "9 May 2021", "9 мая 2021 г."),
        ("2021-05-XX", "May 2021, day not stated", "май 2021 г., день не назван"),
        ("2021-XX", "2021, month not stated", "2021, месяц не назван"),
        ("2021-XX-XX", "2021, month and day not stated", "2021, месяц и день не названы"),
        ("XXXX-05-09", "9 May, year not stated", "9 мая, год не назван"),
        ("202X", "between 2020 and 2029", "между 2020 и 2029"),
        ("19XX", "between 1900 and 1999", "между 1900 и 1999"),
        ("2021?", "2021 (uncertain)", "2021 (неточно)"),
        ("2021-05~", "about May 2021", "около: май 2021 г."),
        ("2021%", "about 2021 (uncertain)", "около: 2021 (неточно)"),
        ("2021-05/2021-06", "from May 2021 to June 2021", "май 2021 г. — июнь 2021 г."),
        (
            "2022-02/..",
            "from February 2022 on, with no end stated",
            "с этого времени: февраль 2022 г.; конец не назван",
        ),
        ("2022-02/", "from February 2022, its end not known", "с этого времени: февраль 2022 г.; конец неизвестен"),
        ("../2022", "until 2022, with no beginning stated", "до этого времени: 2022; начало не названо"),
        ("/2022", "until 2022, its beginning not known", "до этого времени: 2022; начало неизвестно"),
    ],
)
def test_dates_say_what_is_stated_and_what_is_not(edtf: str | None, english: str, russian: str) -> None:
    assert date_in_words(edtf, words_of("en")) == english
    # A narrow space that does not break stands before the abbreviated word for year.
    assert date_in_words(edtf, words_of("ru")).replace("\u202f", " ") == russian


def statistic(qualifier: str, **fields: Any) -> dict[str, Any]:
    return {
        "record": "statistic", "id": "sta-1", "qualifier": qualifier, "value": None, "lower": None, "upper": None,
        "lower_inclusive": True, "upper_inclusive": True, "relative_to": None, "as_stated": "?", "unit": "persons", **fields,
    }  # fmt: skip


OF_29 = {"id": "sta-2", "label": "those who spoke"}


@pytest.mark.parametrize(
    ("figure", "english", "shape"),
    [
        (statistic("exact", value=29, lower=29, upper=29), "29", "point"),
        (statistic("about", value=160000), "about 160,000", "about"),
        (statistic("at_least", value=2.5, lower=2.5), "at least 2.5", "from"),
        (statistic("more_than", value=2000, lower=2000, lower_inclusive=False), "more than 2,000", "from"),
        (statistic("at_most", value=9, lower=0, upper=9), "at most 9", "range"),
        (statistic("less_than", value=9, upper=9, upper_inclusive=False), "less than 9", "range"),
        (statistic("between", lower=5, upper=6), "between 5 and 6", "range"),
        (statistic("order_of_magnitude", lower=100), "hundreds", "order"),
        (statistic("order_of_magnitude", lower=300), "in the order of 300", "order"),
        (statistic("most", relative_to=OF_29), "most of: those who spoke", "share"),
        (statistic("all", value=29, lower=29, upper=29, relative_to=OF_29), "all of: those who spoke", "point"),
        (statistic("none", value=0, lower=0, upper=0), "none", "point"),
        (statistic("not_available"), "not available", "none"),
    ],
)
def test_figures_claim_no_more_than_was_stated(figure: dict[str, Any], english: str, shape: str) -> None:
    assert figure_in_words(figure, words_of("en")) == english
    assert drawing_of(figure, Scale([0, 3000])).shape == shape


def test_a_figure_without_an_upper_end_is_drawn_to_the_edge() -> None:
    scale = Scale([100, 2000])
    for open_ended in (statistic("more_than", value=2000, lower=2000), statistic("order_of_magnitude", lower=100)):
        drawn = drawing_of(open_ended, scale)
        assert drawn.low < drawn.high == 1000


def test_only_figures_in_one_unit_share_a_scale() -> None:
    figures = [
        statistic("exact", value=5, lower=5, upper=5),
        statistic("exact", value=9, lower=9, upper=9, unit="cameras"),
    ]
    charts = charts_of(figures, words_of("en"))
    assert [chart.unit for chart in charts] == ["persons", "cameras"]
    assert [chart.rows[0].drawing.low for chart in charts] == [800.0, 800.0]
    assert charts[0].ticks[0].text == "0"


@pytest.mark.parametrize("values", [[], [0], [0, 0.001], [1, 10**15], [-5, 5], [3], [7, 7]])
def test_every_scale_has_marks_in_order(values: list[float]) -> None:
    places = [tick.at for tick in Scale(values).ticks(words_of("en"))]
    assert places == sorted(set(places))
    assert 2 <= len(places) <= 8


def test_values_and_filters_have_words() -> None:
    words = words_of("en")
    assert all(qualifier in VALUES for qualifier in get_args(Qualifier))
    assert word_of("no_response", words) == "Did not answer"
    assert word_of("told to wait", words) == "told to wait"


#: What an address may ask besides filters: it is not told as one.
NO_FILTERS = {
    "bom",
    "cursor",
    "facet_limit",
    "facet_mode",
    "facets",
    "fields",
    "format",
    "include",
    "lang",
    "limit",
    "sort",
}


@pytest.mark.parametrize("collection", CRITERIA)
def test_every_filter_facet_and_order_has_a_name(collection: str) -> None:
    criteria = CRITERIA[collection]
    named = {name.removesuffix("!") for name in (*criteria.model_fields, *criteria.FACETS)}
    assert named - NO_FILTERS - FILTERS.keys() == set()
    assert {order.removeprefix("-") for order in sort_choices(criteria)} - ORDERS.keys() == set()


def test_every_term_of_the_format_has_a_word() -> None:
    lists = [getattr(vocabularies, name) for name in dir(vocabularies)]
    values = {value for each in lists if get_origin(each) is Literal for value in get_args(each)}
    # What may be claimed of an event is told by the name of the filter.
    assert values - VALUES.keys() - set(get_args(vocabularies.ClaimedField)) == set()
    built_in = {value for terms in (*EXTENDED.values(), *FIXED.values()) for value in terms}
    assert built_in - VALUES.keys() == set()
