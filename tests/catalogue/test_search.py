"""Search, facets and completions: the query language as a table, and answers against a plain-Python model."""

import tempfile
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from service.archive.collation import collation_of
from service.catalogue import value_counts
from service.catalogue.browsing import Catalogue
from service.catalogue.criteria import SearchCriteria, SuggestCriteria
from service.catalogue.parameters import read_criteria
from service.catalogue.value_counts import FEW_RECORDS
from service.catalogue.words import parse_query
from service.errors import InvalidParameters, TooDeep
from service.release.building import filter_index
from service.release.opening import open_current
from service.release.orders import MANY_VALUES
from service.release.publish import publish
from tests.archives import CRITERIA, TIMES, Fields, ancestors, archive, random_archives, record, said_of, write
from tests.catalogue.test_browsing import model_order, walk

UNSHRUNK = (Phase.explicit, Phase.reuse, Phase.generate)


def publish_in(folder: Path, whole: Fields) -> Catalogue:
    publish(write(folder / "archive.json", whole), folder / "data")
    return Catalogue(open_current(folder / "data"))


def ids(catalogue: Catalogue, q: str, collection: str = "testimonies", *pairs: tuple[str, str]) -> list[str]:
    page = catalogue.page(catalogue.look_up(read_criteria(CRITERIA[collection], [("q", q), *pairs])))
    found = [orjson.loads(document)["id"] for document in page.documents]
    assert page.total == len(found)
    return found


# --- The query language -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("night", [("night", False, False)]),
        ("Night CAMERAS", [("night", False, False), ("cameras", False, False)]),
        ('"at night"', [("at night", False, False)]),
        ("night -dog", [("night", False, False), ("dog", True, False)]),
        ('night -"metro station"', [("night", False, False), ("metro station", True, False)]),
        ("mosc*", [("mosc", False, True)]),
        # Plain text: what is none of these.
        ("covid-19", [("covid 19", False, False)]),
        ('night "unclosed', [("night", False, False), ("unclosed", False, False)]),
        ("(night) AND title:dog", [("night", False, False), ("and", False, False), ("title dog", False, False)]),
        ("night ^2 ~ [a TO", [(word, False, False) for word in ("night", "2", "a", "to")]),
        ("The the THE", [("the", False, False)]),
        # Bombs: nothing to find.
        *[(bomb, []) for bomb in ("*", "***", "-", "- -", '""', '"' * 200, "((((" * 50, "😀", "\u202e", "!?…", " ")],
        ("\u202enight\u202c", [("night", False, False)]),
        ("é", [("e", False, False)]),
        ("ΆΝΘΡΩΠΟΣ", [("ανθρωποσ", False, False)]),
        ("日本", [("日 本", False, False)]),
    ],
)
def test_a_query_is_read_as(text: str, terms: list[tuple[str, bool, bool]]) -> None:
    unique = {(" ".join(term.words), term.without, term.prefix): None for term in parse_query(text)}
    assert list(unique) == terms


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a" * 257, "longer than 256"),
        ('"' * 10_000, "longer than 256"),
        ("a b c d e f g h i j k l m n o p q", "more than 16 words"),
        ('"a b c d e f g h i j k l m n o p q"', "more than 16 words"),
        (f"{'역' * 33} {'駅' * 30} a", "more than 16 words"),
        ("-dog", "beside those to leave out"),
        ("night\x00", "does not have the form"),
        ("\x1b[2J", "does not have the form"),
        ("", "does not have the form"),
    ],
)
def test_a_query_that_cannot_be_used_names_q(text: str, message: str) -> None:
    with pytest.raises(InvalidParameters) as refused:
        read_criteria(CRITERIA["testimonies"], [("q", text)])
    [error] = refused.value.errors
    assert error.parameter == "q"
    assert message in error.message


def test_relevance_goes_only_with_q() -> None:
    with pytest.raises(InvalidParameters) as refused:
        read_criteria(CRITERIA["events"], [("sort", "relevance")])
    assert refused.value.errors[0].parameter == "sort"
    assert read_criteria(CRITERIA["events"], [("q", "night")]).sort == "relevance"
    assert read_criteria(CRITERIA["events"], [("q", "night"), ("sort", "id")]).sort == "id"


# --- What is found ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Any:
    whole = archive(
        record("src-1", verbatim=True),
        record("agt-1"),
        record("tes-1", title="Камеры в метро", summary="Её остановили из-за камеры.", language="ru"),
        record("tes-2", title="Réunions de nuit", summary="Les caméras filmaient.", language="fr"),
        record("tes-3", title="A walk", summary="She was walking home at night past the cameras.", language="en"),
        record(
            "tes-4",
            title="A long talk",
            transcript=[
                {"start_s": 0, "end_s": 5, "text": "Nothing here."},
                {"start_s": 5.5, "end_s": 9, "text": "Then the turnstile closed 😀 before me."},
            ],
            translations={"de": {"title": "Ein langes Gespräch"}},
        ),
        record("tes-5", title="京都と日本語", summary="Straße.", language="ja", access={"private": "hiddenmarker"}),
        record("tes-6", title="hiddenmarker", access={"visibility": "restricted", "private": {"n": "hiddenmarker"}}),
    )
    opened = publish_in(tmp_path_factory.mktemp("found"), whole)
    yield opened
    opened.release.close()


@pytest.mark.parametrize(
    ("q", "found"),
    [
        ("камера", ["tes-1"]),
        ("КАМЕРОЙ", ["tes-1"]),
        ("ее", ["tes-1"]),
        ("Ка́меры", ["tes-1"]),
        ("reunion", ["tes-2"]),
        ("RÉUNION", ["tes-2"]),
        ("camera", ["tes-2", "tes-3"]),
        ("camera -night", ["tes-2"]),
        ("walked", ["tes-3"]),
        ('"at night"', ["tes-3"]),
        ('"night at"', []),
        ("cam*", ["tes-2", "tes-3"]),
        ("turnstiles", ["tes-4"]),
        ("gespräche", ["tes-4"]),
        ("日本", ["tes-5"]),
        ("本日", []),
        ("strasse", ["tes-5"]),
        ("hiddenmarker", []),
        ("😀", []),
        (".*", []),
        ("the", ["tes-3", "tes-4"]),
    ],
)
def test_words_are_found_in_any_form(catalogue: Catalogue, q: str, found: list[str]) -> None:
    if q == "the":
        assert set(found) <= set(ids(catalogue, q))
    else:
        assert sorted(ids(catalogue, q)) == found


def test_a_hit_in_a_transcript_names_its_segment(catalogue: Catalogue) -> None:
    [hit] = catalogue.search(read_criteria(SearchCriteria, [("q", "me turnstile")])).hits
    [excerpt] = hit.excerpts
    assert (excerpt.field, excerpt.segment, excerpt.start_s) == ("transcript", f"{hit.public['id']}-s2", 5.5)
    assert [excerpt.text[start:end] for start, end in excerpt.matches] == ["turnstile", "me"]


def test_a_search_counts_every_collection(catalogue: Catalogue) -> None:
    hits = catalogue.search(read_criteria(SearchCriteria, [("q", "report"), ("collection", "sources")]))
    assert [hit.public["id"] for hit in hits.hits] == ["src-1"]
    assert hits.collections["sources"] == hits.total == 1
    assert set(hits.collections) == set(CRITERIA)


def test_the_index_holds_nothing_private(catalogue: Catalogue) -> None:
    files = list((catalogue.release.folder / "index").iterdir())
    assert any(path.suffix == ".term" for path in files)
    for path in [*files, catalogue.release.folder / "archive.sqlite"]:
        assert b"hiddenmarker" not in path.read_bytes(), path.name
    assert not catalogue.text.searcher.terms_with_prefix("vocabulary", "\x1fhidden")
    assert catalogue.text.searcher.terms_with_prefix("vocabulary", "\x1fcamera")


def test_too_deep_says_what_to_do(catalogue: Catalogue) -> None:
    with pytest.raises(TooDeep, match="sort=id"):
        catalogue.text.best(read_criteria(SearchCriteria, [("q", "a")]), offset=10_000, limit=1)


def test_only_what_has_few_matches_is_found_on_the_event_loop(
    catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    def is_quick(q: str, *pairs: tuple[str, str]) -> bool:
        return catalogue.look_up(read_criteria(CRITERIA["testimonies"], [("q", q), *pairs])).quick

    assert is_quick("night camera -walk")
    assert is_quick("nowhere")
    for q in ("cam*", '"at night"', "a-walk"):
        assert not is_quick(q)
    for pair in (("sort", "title"), ("facets", "language")):
        assert not is_quick("camera", pair)
    # In two records, in a spelling each.
    monkeypatch.setattr("service.catalogue.search.QUICK_MATCHES", 1)
    assert is_quick("reunion")
    assert not is_quick("camera")
    monkeypatch.setattr("service.catalogue.search.SET_FROM", 0)
    assert not is_quick("reunion")


@pytest.mark.parametrize(
    ("q", "found"),
    [
        ("kam", []),
        ("КАМ", ["Камеры в метро"]),
        ("метр", ["Камеры в метро"]),
        ("камеры в ме", ["Камеры в метро"]),
        ("reunions de", ["Réunions de nuit"]),
        ("lang", ["Ein langes Gespräch"]),
        ("hidden", []),
        ("*", []),
    ],
)
def test_a_search_box_completes_any_word(catalogue: Catalogue, q: str, found: list[str]) -> None:
    assert [each.text for each in catalogue.suggest(read_criteria(SuggestCriteria, [("q", q)]))] == found


def test_what_is_suggested_is_most_frequent_first_then_by_name(tmp_path: Path) -> None:
    titles = ["Camera, once", "Camera, thrice", "Camera, twice", "Camera, also twice"]
    times = [1, 3, 2, 2]
    named = [title for title, number in zip(titles, times, strict=True) for _ in range(number)]
    whole = archive(*(record(f"tes-{number}", title=title) for number, title in enumerate(named)))
    found = publish_in(tmp_path, whole).suggest(read_criteria(SuggestCriteria, [("q", "cam")]))
    expected = [("Camera, thrice", 3), ("Camera, also twice", 2), ("Camera, twice", 2), ("Camera, once", 1)]
    assert [(each.text, each.count) for each in found] == expected


def test_a_timeline_of_millennia_is_refused(tmp_path: Path) -> None:
    opened = publish_in(tmp_path, archive(record("evt-1", date="0500/2020")))
    with closing(opened.release):
        asked = [("facets", "month")]
        with pytest.raises(InvalidParameters, match="narrow the list"):
            opened.page(opened.look_up(read_criteria(CRITERIA["events"], asked)))
        asked += [("date_from", "2020-01-01")]
        page = opened.page(opened.look_up(read_criteria(CRITERIA["events"], asked)))
        assert page.facets is not None
        assert len(page.facets["month"]) == 13


# --- Against a plain-Python model -------------------------------------------------------------------------------------


def model_facet(whole: Fields, records: list[Fields], name: str, limit: int) -> list[tuple[str | None, int]]:
    def values(each: Fields) -> set[str]:
        if name == "topic":
            return {above for topic in each["topics"] for above in ancestors(whole, "topics", "broader", topic)}
        if name == "place":
            return {above for said in said_of(each, "place") for above in ancestors(whole, "places", "part_of", said)}
        if name == "source":
            return {citation["source"] for citation in each["citations"]}
        return {each[name]}

    shown = {each["id"]: each.get("label") or each.get("name") or each.get("title") for each in _everything(whole)}
    counts = Counter(value for each in records for value in values(each))
    ordered = sorted(
        counts.items(), key=lambda pair: (-pair[1], collation_of("en").key(shown.get(pair[0]) or pair[0]), pair[0])
    )
    return [*ordered[:limit], (None, sum(not values(each) for each in records))]


def _everything(whole: Fields) -> list[Fields]:
    return [each for plural in CRITERIA for each in whole[plural]]


@pytest.mark.parametrize("collection", ["testimonies", "events", "statistics"])
@given(data=st.data())
@settings(max_examples=8 * TIMES, deadline=None, suppress_health_check=list(HealthCheck), phases=UNSHRUNK)
def test_words_filters_sorts_and_facets_against_a_model(collection: str, data: st.DataObject) -> None:
    whole = data.draw(random_archives())
    # Facets of a list without words are counted value by value, record by record, or by the text index.
    many, few = data.draw(st.sampled_from([(MANY_VALUES, FEW_RECORDS), (0, FEW_RECORDS), (0, 2)]))
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(filter_index, "MANY_VALUES", many)
        patch.setattr(value_counts, "MANY_VALUES", many)
        patch.setattr(value_counts, "FEW_RECORDS", few)
        catalogue = publish_in(Path(folder), whole)
        with closing(catalogue.release):
            for _ in range(8):
                _ask_once(catalogue, whole, collection, data)


def _ask_once(catalogue: Catalogue, whole: Fields, collection: str, data: st.DataObject) -> None:
    word = data.draw(st.sampled_from([None, "a", "b", "z", "e", "ss", "a*", "a -b"]))
    topic, place = data.draw(st.sampled_from([None, "top-0"])), data.draw(st.sampled_from([None, "plc-0", "plc-1"]))
    sort = data.draw(
        st.sampled_from(
            [
                s
                for s in ("id", "-id", "title", "-title", "given", "-given", "date", "-date")
                if s.removeprefix("-") in ("id", "title", {"testimonies": "given", "events": "date"}.get(collection))
            ]
        )
    )
    mode, limit = data.draw(st.sampled_from(["list", "others"])), data.draw(st.integers(1, 4))

    def kept(*, ignoring: str = "") -> list[Fields]:
        return [
            each
            for each in whole[collection]
            if (word is None or _has(each, word))
            and (
                topic is None
                or ignoring == "topic"
                or any(topic in ancestors(whole, "topics", "broader", t) for t in each["topics"])
            )
            and (
                place is None
                or ignoring == "place"
                or any(place in ancestors(whole, "places", "part_of", said) for said in said_of(each, "place"))
            )
        ]

    pairs = [(name, value) for name, value in (("q", word), ("topic", topic), ("place", place)) if value is not None]
    walking = [*pairs, ("sort", sort), ("limit", str(limit))]
    expected = model_order(kept(), sort)
    assert walk(catalogue, collection, walking) == expected
    assert walk(catalogue, collection, walking, backward=True) == expected
    if word is not None:
        assert sorted(walk(catalogue, collection, [*pairs, ("limit", str(limit))])) == sorted(expected)
    names = [
        "topic",
        "place",
        "source",
        {"testimonies": "language", "events": "type", "statistics": "unit"}[collection],
    ]
    asked = [*pairs, ("facets", ",".join(names)), ("facet_limit", str(limit)), ("facet_mode", mode)]
    page = catalogue.page(catalogue.look_up(read_criteria(CRITERIA[collection], asked)))
    assert page.facets is not None
    for name in names:
        records = kept(ignoring=name) if mode == "others" else kept()
        assert [(b.value, b.count) for b in page.facets[name]] == model_facet(whole, records, name, limit), name


def _has(each: Fields, word: str) -> bool:
    """Tell whether a record has a word. Knows no stems: the words asked for are too short to have any."""
    texts = [
        text for key in ("title", "summary", "population", "unit", "as_stated", "date_note") if (text := each.get(key))
    ]
    words = {part for text in texts for part in collation_of("en").key(text).split()}
    words |= {"ss"} & {"ss" if "ß" in text else "" for text in texts}
    # Sort keys are cut; the words are not.
    words |= {text.casefold() for text in texts}
    if word == "a*":
        return any(part.startswith("a") for part in words)
    if word == "a -b":
        return "a" in words and "b" not in words
    return word in words
