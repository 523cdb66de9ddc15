"""What words find, in any inflection and beside any filter, against a model that knows stemmers and nothing of an index."""

import re
import tempfile
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import tantivy
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from service.catalogue.browsing import Catalogue
from service.catalogue.criteria import SearchCriteria
from service.catalogue.excerpts import Finder, excerpts
from service.catalogue.parameters import read_criteria
from service.catalogue.search import TextIndex
from service.catalogue.value_counts import ValueCounts
from service.catalogue.words import parse_query
from service.errors import InvalidParameters
from service.release.opening import open_current
from service.release.publish import publish
from tests.archives import CRITERIA, FIELDS, TIMES, Fields, archive, happened_between, record, write
from tests.catalogue.test_browsing import walk

UNSHRUNK = (Phase.explicit, Phase.reuse, Phase.generate)

#: Languages and words of each: inflections, accents, words that two languages share, forms of two words (uk), one that
#: none stems (ko).
WORDS = {
    "en": "camera cameras filmed filming films station stations camera-shy café",
    "ru": "камера камеры камерой снимали снимал ещё еще съёмка",
    "de": "Kamera Kameras Straße Strasse Häuser Haus filmen",
    "uk": "камера камери камерою станція станції харкові харків харка",
    "ko": "지하철역 지하철역에서",
}
STEMMERS = {"en": "english", "ru": "russian", "de": "german"}
#: What a dictionary has the Ukrainian words under, that have other forms. One is a form of a city's name and of a person's.
UKRAINIAN = {
    "камера": "камера",
    "камери": "камера",
    "камерою": "камера",
    "станція": "станція",
    "станції": "станція",
    "харків": "харків",
    "харкові": "харків харко",
    "харка": "харко",
}
DAYS = (None, "2021", "2021-05", "2022-02/..", "XXXX-05-09")
POINTS = {"plc-1": (55.75, 37.6), "plc-2": (-10.0, 179.5), "plc-3": None}


def test_a_model_of_words_and_filters_finds_the_same() -> None:
    asked = 0

    @given(data=st.data())
    @settings(max_examples=10 * TIMES, deadline=None, suppress_health_check=list(HealthCheck), phases=UNSHRUNK)
    def ask(data: st.DataObject) -> None:
        nonlocal asked
        whole = data.draw(archives())
        with tempfile.TemporaryDirectory() as folder:
            publish(write(Path(folder) / "archive.json", whole), Path(folder) / "data")
            catalogue = Catalogue(open_current(Path(folder) / "data"))
            with closing(catalogue.release):
                for _ in range(20):
                    asked += _ask_once(catalogue, whole, data)

    ask()
    # Most questions find nothing; a test of those alone would not tell much.
    assert asked > 20


def _ask_once(catalogue: Catalogue, whole: Fields, data: st.DataObject) -> bool:
    collection = data.draw(st.sampled_from(["testimonies", "events"]))
    terms = data.draw(st.lists(queries(), min_size=1, max_size=2))
    terms = terms if any(not term.startswith("-") for term in terms) else [*terms, "camera"]
    pairs = [("q", " ".join(terms)), *(data.draw(spans()) if collection == "events" else [])]
    language = whole["archive"]["language"]
    expected = sorted(
        each["id"]
        for each in whole[collection]
        if all(_found(term, each, language) for term in terms) and _in_spans(each, dict(pairs))
    )
    found = walk(catalogue, collection, [*pairs, ("sort", "id"), ("limit", "3")])
    assert found == expected, pairs
    assert sorted(walk(catalogue, collection, [*pairs, ("limit", "3")])) == expected, pairs
    page = catalogue.page(catalogue.look_up(read_criteria(CRITERIA[collection], [*pairs, ("facets", "source")])))
    assert page.facets is not None
    assert sum(bucket.count for bucket in page.facets["source"]) == len(expected) == page.total
    return bool(expected)


# --- Archives and questions -------------------------------------------------------------------------------------------


@st.composite
def archives(draw: st.DrawFn) -> Fields:
    language = draw(st.sampled_from(["en", "ru", "uk"]))
    places = [record(place, **({} if point is None else _point(*point))) for place, point in POINTS.items()]
    testimonies = [
        record(
            f"tes-{number}",
            title=draw(texts()),
            summary=draw(texts()),
            language=draw(st.sampled_from(sorted(WORDS))),
            translations=draw(st.sampled_from([{}, {draw(st.sampled_from(sorted(WORDS))): {"title": draw(texts())}}])),
        )
        for number in range(1, 1 + draw(st.integers(1, 6)))
    ]
    events = [
        record(
            f"evt-{number}",
            title=draw(texts()),
            summary=draw(texts()),
            date=draw(st.sampled_from(DAYS)),
            date_note="As stated.",
            place=draw(st.sampled_from([None, *POINTS])),
        )
        for number in range(1, 1 + draw(st.integers(1, 6)))
    ]
    return archive(record("src-1"), record("agt-1"), *places, *events, *testimonies, language=language)


def _point(latitude: float, longitude: float) -> Fields:
    return {"latitude": latitude, "longitude": longitude, "radius_m": 10}


def words() -> st.SearchStrategy[str]:
    return st.sampled_from([word for some in WORDS.values() for word in some.split()])


def texts() -> st.SearchStrategy[str]:
    return st.lists(words(), min_size=1, max_size=5).map(" ".join)


def queries() -> st.SearchStrategy[str]:
    phrases = st.tuples(words(), words()).map(lambda pair: f'"{pair[0]} {pair[1]}"')
    beginnings = words().map(lambda word: f"{word[:4]}*")
    asked = st.one_of(words(), words().map(str.upper), phrases, beginnings)
    return st.one_of(asked, asked, words().map(lambda word: f"-{word}"))


def spans() -> st.SearchStrategy[list[tuple[str, str]]]:
    box = st.sampled_from(["30,50,40,60", "170,-20,-170,0", "-180,-90,180,90"]).map(lambda box: [("bbox", box)])
    days = st.tuples(st.sampled_from(["2021-05-01", "2022-03-01"]), st.sampled_from(["possible", "certain"]))
    after = days.map(lambda pair: [("date_from", pair[0]), ("date_match", pair[1])])
    return st.one_of(st.just([]), box, after, st.tuples(box, after).map(lambda both: both[0] + both[1]))


# --- The model --------------------------------------------------------------------------------------------------------


def _found(term: str, each: Fields, language: str) -> bool:
    if term.startswith("-"):
        return not _found(term[1:], each, language)
    asked = _words(term.strip('"').rstrip("*"))
    beginning = term.endswith("*")
    return any(_side_by_side(asked, text, {own, language}, beginning=beginning) for text, own in _texts(each, language))


def _texts(each: Fields, language: str) -> list[tuple[str, str]]:
    own = each.get("language", language)
    texts = [(each[name], own) for name in ("title", "summary", "date_note") if each.get(name)]
    return texts + [(text["title"], tag) for tag, text in each.get("translations", {}).items()]


def _words(text: str) -> list[str]:
    return re.findall(r"[가-힣]|[^\W가-힣]+", text.lower())


def _side_by_side(asked: list[str], text: str, languages: set[str], *, beginning: bool) -> bool:
    there = _words(text)

    def fits(place: int) -> bool:
        for number, word in enumerate(asked):
            if beginning and number == len(asked) - 1:
                if not _plain(there[place + number]).startswith(_plain(word)):
                    return False
            elif not _same(word, there[place + number], languages):
                return False
        return True

    return any(fits(place) for place in range(len(there) - len(asked) + 1))


def _same(word: str, other: str, languages: set[str]) -> bool:
    stemmers = [STEMMERS[language] for language in languages if language in STEMMERS]
    if _plain(word) == _plain(other) or any(_stem(word, each) == _stem(other, each) for each in stemmers):
        return True
    forms = [set(UKRAINIAN.get(each, each).split()) for each in (word, other)]
    return "uk" in languages and not forms[0].isdisjoint(forms[1])


def _plain(word: str) -> str:
    parts = unicodedata.normalize("NFKD", word.casefold())
    return unicodedata.normalize("NFC", "".join(char for char in parts if not unicodedata.combining(char)))


@cache
def _stem(word: str, stemmer: str) -> str:
    builder = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.raw())
    [stem] = builder.filter(tantivy.Filter.stemmer(stemmer)).build().analyze(word.replace("ё", "е"))
    return _plain(stem)


def _in_spans(each: Fields, asked: dict[str, str]) -> bool:
    if "bbox" in asked:
        west, south, east, north = map(float, asked["bbox"].split(","))
        point = POINTS.get(each["place"])
        if point is None or not south <= point[0] <= north:
            return False
        if not (west <= point[1] <= east if west <= east else point[1] >= west or point[1] <= east):
            return False
    if "date_from" not in asked:
        return True
    start = date.fromisoformat(asked["date_from"])
    return happened_between(each["date"], start, None, certain=asked["date_match"] == "certain")


# --- Languages of which a dictionary or no stemmer knows the forms ----------------------------------------------------


@pytest.mark.parametrize(
    ("q", "found"),
    [
        ("станція", ["tes-1"]),
        ("СТАНЦІЮ", ["tes-1"]),
        ('"на станція"', ["tes-1"]),
        ("дитина", ["tes-1"]),
        ("бути", ["tes-1", "tes-2"]),
        ("сім'я", ["tes-2"]),
        ("сім’єю", ["tes-2"]),
        ("сімї", ["tes-2"]),
        ("п\u02bcятниця сім'*", ["tes-2"]),
        ("сім", []),
        ("станція -сім'я", ["tes-1"]),
        ("지하철역", ["tes-3"]),
        ("\u110c\u1175\u1112\u1161\u110e\u1165\u11af", ["tes-3"]),
        ("역에서 경찰", ["tes-3"]),
        ('"지하철역 경찰"', []),
        ("지하철역에서 경찰이 사람들을 밖으로 데려갔다고 말했다", []),
        ("station", ["tes-4"]),
    ],
)
def test_forms_of_ukrainian_and_korean_find_each_other(several: Catalogue, q: str, found: list[str]) -> None:
    assert walk(several, "testimonies", [("q", q), ("sort", "id")]) == found


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalogue]:
    """A catalogue of testimonies in Ukrainian, Korean and English."""
    folder = tmp_path_factory.mktemp("several")
    whole = archive(
        record("tes-1", title="Дітей було видно на станції", summary="Here.", language="uk"),
        record("tes-2", title="У п’ятницю були без сім’ї", summary="Here.", language="uk"),
        record("tes-3", title="지하철역에서 경찰을 보았다", summary="Here.", language="ko"),
        record("tes-4", title="At the station", summary="станції", language="en"),
    )
    publish(write(folder / "archive.json", whole), folder / "data")
    catalogue = Catalogue(open_current(folder / "data"))
    with closing(catalogue.release):
        yield catalogue


def test_excerpts_mark_ukrainian_and_korean_words_as_written(several: Catalogue) -> None:
    def marked(q: str) -> list[str]:
        criteria = read_criteria(SearchCriteria, [("q", q)])
        [excerpt] = [each for hit in several.search(criteria).hits for each in hit.excerpts]
        return [excerpt.text[start:end] for start, end in excerpt.matches]

    assert marked("сім'я п'ятниця") == ["п’ятницю", "сім’ї"]
    assert marked("дитина станція") == ["Дітей", "станції"]
    assert marked("지하철역") == ["지하철역에서"]


# --- What may not take long -------------------------------------------------------------------------------------------


def test_words_are_looked_at_no_further_than_an_excerpt_reaches(monkeypatch: pytest.MonkeyPatch) -> None:
    looked_at = list[str]()
    is_asked = Finder._is_asked

    def counted(finder: Finder, text: str, stemmers: tuple[str, ...]) -> bool:
        looked_at.append(text)
        return is_asked(finder, text, stemmers)

    monkeypatch.setattr(Finder, "_is_asked", counted)
    text = "The gate was shut. " + " ".join(f"word{number}" for number in range(10_000)) + " The gate again."
    event = record("evt-1", title="An evening", summary=text)
    [found] = excerpts(event | {"record": "event"}, "en", Finder(parse_query("gate"), "en"), FIELDS["event"])
    assert [found.text[start:end] for start, end in found.matches] == ["gate"]
    assert "word9" in looked_at
    assert len(looked_at) < 60


def test_a_beginning_of_too_many_words_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.catalogue.search.MOST_BEGINNINGS", 3)
    whole = archive(record("tes-1", title="qa qb qc", summary="Here it is."))
    publish(write(tmp_path / "archive.json", whole), tmp_path / "data")
    catalogue = Catalogue(open_current(tmp_path / "data"))

    def ask(q: str) -> int:
        return catalogue.page(catalogue.look_up(read_criteria(CRITERIA["testimonies"], [("q", q)]))).total

    with closing(catalogue.release):
        assert ask("q*") == ask("qa-q*") == 1
        for q, named in (("q* h*", "q or h"), ("here -q* it*", "q or it"), ("it-h* q*", "h or q")):
            with pytest.raises(InvalidParameters, match=f"more than 3 words begin with {named};") as refused:
                ask(q)
            assert refused.value.errors[0].parameter == "q"


def test_many_words_may_begin_as_the_last_of_several_does(tmp_path: Path) -> None:
    """More than an expression of the engine can hold, with the accents of some of them."""
    many = " ".join(f"s{number}" for number in range(4000))
    whole = archive(record("tes-1", title="Night šum"), record("tes-2", title=many), record("tes-3", title="Night um"))
    publish(write(tmp_path / "archive.json", whole), tmp_path / "data")
    catalogue = Catalogue(open_current(tmp_path / "data"))
    with closing(catalogue.release):
        assert walk(catalogue, "testimonies", [("q", "night-s*")]) == ["tes-1"]
        assert walk(catalogue, "testimonies", [("q", "s39-s4*")]) == ["tes-2"]
        assert walk(catalogue, "testimonies", [("q", "s*"), ("sort", "id")]) == ["tes-1", "tes-2"]


def test_a_word_of_very_many_spellings_is_found_in_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.catalogue.search.SET_FROM", 1)
    whole = archive(*(record(f"tes-{n}", title=title) for n, title in enumerate(("film", "films", "filmed", "Filme"))))
    publish(write(tmp_path / "archive.json", whole), tmp_path / "data")
    catalogue = Catalogue(open_current(tmp_path / "data"))
    with closing(catalogue.release):
        assert walk(catalogue, "testimonies", [("q", "filming"), ("sort", "id")]) == [
            "tes-0",
            "tes-1",
            "tes-2",
            "tes-3",
        ]


def test_a_phrase_is_refused_where_a_word_has_too_many_spellings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.catalogue.search.MOST_BESIDE", 2)
    whole = archive(*(record(f"tes-{n}", title=f"The {word}") for n, word in enumerate(("film", "films", "filmed"))))
    publish(write(tmp_path / "archive.json", whole), tmp_path / "data")
    catalogue = Catalogue(open_current(tmp_path / "data"))

    def found(q: str) -> list[str]:
        return walk(catalogue, "testimonies", [("q", q), ("sort", "id")])

    with closing(catalogue.release):
        assert found("the filming") == ["tes-0", "tes-1", "tes-2"]
        for q in ('"the films"', "the-filming", '-"films of" the'):
            with pytest.raises(InvalidParameters) as refused:
                found(q)
            [error] = refused.value.errors
            assert error.parameter == "q"
            assert error.message.startswith("film")
            assert "more than 2 ways" in error.message


def test_a_facet_is_counted_once_for_all_pages_of_a_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = archive(
        record("top-1"),
        *(record(f"evt-{n}", title="Night", topics=["top-1"][: n % 2], type="arrest") for n in range(3)),
        *(record(f"tes-{n}", title="Night", topics=["top-1"]) for n in range(2)),
    )
    publish(write(tmp_path / "archive.json", whole), tmp_path / "data")
    catalogue = Catalogue(open_current(tmp_path / "data"))
    walks = 0

    def counting(count: Callable[..., Any]) -> Callable[..., Any]:
        def count_and_note(*args: Any, **options: Any) -> Any:
            nonlocal walks
            walks += 1
            return count(*args, **options)

        return count_and_note

    monkeypatch.setattr(catalogue.text, "aggregate", counting(catalogue.text.aggregate))
    monkeypatch.setattr(ValueCounts, "members", counting(ValueCounts.members))

    def asked(collection: str, *pairs: tuple[str, str]) -> tuple[int, dict[str, list[int]]]:
        before = walks
        pairs = (("facets", "topic,type" if collection == "events" else "topic"), *pairs)
        facets = catalogue.page(catalogue.look_up(read_criteria(CRITERIA[collection], list(pairs)))).facets
        assert facets is not None
        return walks - before, {name: [each.count for each in buckets] for name, buckets in facets.items()}

    with closing(catalogue.release):
        assert asked("events", ("q", "night")) == (1, {"topic": [1, 2], "type": [3, 0]})
        for pair in (("limit", "1"), ("sort", "title"), ("fields", "id")):
            assert asked("events", ("q", "night"), pair) == (0, {"topic": [1, 2], "type": [3, 0]})
        assert asked("events", ("q", "day")) == (1, {"topic": [0], "type": [0]})
        assert asked("testimonies", ("q", "night")) == (1, {"topic": [2, 0]})
        narrow = ("topic", "top-1")
        assert asked("events", narrow) == (1, {"topic": [1, 0], "type": [1, 0]})
        assert asked("events", narrow, ("facet_mode", "others")) == (2, {"topic": [1, 2], "type": [1, 0]})
        assert asked("events", narrow, ("facet_limit", "1")) == (1, {"topic": [1, 0], "type": [1, 0]})


def test_facets_are_right_where_the_engine_counts_only_some(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of values that are too many to be counted in one walk, and of sets without a number, nothing is lost. A list without words
    is counted the same in every way.
    """
    topics = [record(f"top-{n}", label=f"Topic {9 - n}") for n in range(6)]
    filed = [
        record(
            f"tes-{n}",
            title="Night",
            topics=[f"top-{n % 6}"],
            witness=f"agt-{n % 6}",
            relations=[{"type": "corroborates", "to": f"evt-{n}" if n < 3 else f"tes-{n - 3}"}],
        )
        for n in range(18)
    ]
    whole = archive(
        *topics,
        *(record(f"agt-{n}", name=f"Council {9 - n}") for n in range(6)),
        *(record(f"evt-{n}", title=f"Arrest {n}") for n in range(3)),
        *filed,
        record("tes-99", title="Night", witness="agt-0"),
    )
    pairs = [("facets", "topic,witness,related_to"), ("facet_limit", "2")]

    def ask(folder: str, *more: tuple[str, str]) -> Any:
        publish(write(tmp_path / "archive.json", whole), tmp_path / folder)
        catalogue = Catalogue(open_current(tmp_path / folder))
        with closing(catalogue.release):
            return catalogue.page(catalogue.look_up(read_criteria(CRITERIA["testimonies"], [*pairs, *more]))).facets

    words = ("q", "night")
    usual = ask("usual", words)
    assert ask("by sets") == usual
    monkeypatch.setattr("service.release.building.filter_index.MANY_VALUES", 0)
    monkeypatch.setattr("service.catalogue.value_counts.MANY_VALUES", 0)
    assert ask("by record") == usual
    assert [(bucket.label, bucket.count) for bucket in usual["topic"]] == [("Topic 4", 3), ("Topic 5", 3), (None, 1)]
    assert [(bucket.label, bucket.count) for bucket in usual["witness"]] == [
        ("Council 9", 4),
        ("Council 4", 3),
        (None, 0),
    ]
    assert [(bucket.value, bucket.count) for bucket in usual["related_to"]] == [("evt-0", 1), ("evt-1", 1), (None, 1)]
    monkeypatch.setattr("service.release.text_index.MOST_SETS", 2)
    monkeypatch.setattr("service.catalogue.facets.BESIDE", 1)
    counted: list[str] = []
    count_values = TextIndex.count_values

    def count_and_note(self: TextIndex, query: tantivy.Query, field: str) -> dict[str, int]:
        counted.append(field)
        return count_values(self, query, field)

    monkeypatch.setattr(TextIndex, "count_values", count_and_note)
    assert ask("few", words) == usual
    assert counted == ["is_topic"]
    counted.clear()
    monkeypatch.setattr("service.catalogue.facets.FEW_RECORDS", 0)
    assert ask("bounded", words) == usual
    assert counted == ["is_topic", "is_witness", "is_related_to"]
