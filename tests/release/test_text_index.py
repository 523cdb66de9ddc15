"""The text index as it is written: in several segments, on a disk that fills up, and what is left behind."""

import errno
from contextlib import closing
from itertools import count, product
from pathlib import Path
from typing import Any

import pytest
import tantivy

from service.archive.words import BY_DICTIONARY, STEMMERS, plain, spelled, spellings, stems
from service.catalogue.browsing import Catalogue
from service.catalogue.criteria import SuggestCriteria
from service.catalogue.parameters import read_criteria
from service.errors import ReleaseError
from service.release import text_index
from service.release.opening import open_current
from service.release.publish import publish
from tests.archives import CRITERIA, Fields, archive, record, write
from tests.catalogue.test_browsing import walk


def whole_archive() -> Fields:
    topics = [record(f"top-{n}", label=f"Topic {n}") for n in range(7)]
    filed = [
        record(
            f"tes-{n:03}",
            title=f"Camera {'station' if n % 3 else 'stations'} {n}",
            topics=[f"top-{n % 7}"],
            language="en" if n % 2 else "ru",
        )
        for n in range(120)
    ]
    return archive(*topics, record("agt-1"), record("src-1"), *filed)


def end_segments_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """End a segment after every few records, as a full heap does after every few ten thousand."""
    add = text_index.IndexWriter.add
    added = count(1)

    def add_and_end(self: Any, *args: Any, **kwargs: Any) -> None:
        add(self, *args, **kwargs)
        if next(added) % 25 == 0:
            self._writer.commit()

    monkeypatch.setattr(text_index.IndexWriter, "add", add_and_end)


def answers(folder: Path) -> list[Any]:
    catalogue = Catalogue(open_current(folder))
    with closing(catalogue.release):
        segments = catalogue.text.searcher.num_segments
        pairs = [("q", "station"), ("facets", "topic,language,source"), ("facet_limit", "3")]
        page = catalogue.page(catalogue.look_up(read_criteria(CRITERIA["testimonies"], pairs)))
        listed = walk(catalogue, "testimonies", [("q", "station -119"), ("sort", "-title"), ("limit", "50")])
        best = walk(catalogue, "testimonies", [("q", "camera 7*"), ("limit", "4")])
        completed = catalogue.suggest(read_criteria(SuggestCriteria, [("q", "camera st")]))
        return [segments, page.total, page.facets, listed, sorted(best), completed]


def test_several_segments_answer_as_one_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "archive.json", whole_archive())
    publish(path, tmp_path / "one")
    end_segments_often(monkeypatch)
    publish(path, tmp_path / "many")
    one, many = answers(tmp_path / "one"), answers(tmp_path / "many")
    assert many[0] > one[0]
    assert many[1:] == one[1:]
    assert one[1] == 120


def every_term(folder: Path) -> tuple[int, dict[str, list[tuple[str, int]]]]:
    """Return how many segments the index of a release has, and every term of every field of words, with how often."""
    catalogue = Catalogue(open_current(folder))
    with closing(catalogue.release):
        searcher = catalogue.text.searcher
        fields = ("vocabulary", "names", *text_index.WORDS_FIELDS)
        return searcher.num_segments, {name: list(searcher.terms_with_prefix(name, "")) for name in fields}


def test_words_that_are_gathered_are_those_that_are_read_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Texts of several languages, with marks, apostrophes, characters that are words, and words too long to be kept."""
    texts = [
        "Стояли коло воріт, п’ять їх",
        "Ели́ ёлки",
        "ﬁn straße STRASSE İstanbul",
        "東京の夜 밤에",
        "a" * 500,
        "𝔸 e\u0301té",
    ]
    whole = archive(
        *(record(f"tes-{n}", title=text, language=language)
          for n, (text, language) in enumerate(product(texts, ("en", "ru", "uk", "ja")))),
        record("top-1"),
    )  # fmt: skip
    path = write(tmp_path / "archive.json", whole)
    publish(path, tmp_path / "gathered")
    monkeypatch.setattr(text_index, "_GATHERED", 0)
    publish(path, tmp_path / "read")
    (one, gathered), (two, read) = every_term(tmp_path / "gathered"), every_term(tmp_path / "read")
    assert (one, two) == (1, 2)
    assert gathered == read
    assert len(gathered["vocabulary"]) > 30


class FullDisk:
    """An engine's writer on a disk that is full: it fails at the step that is named."""

    def __init__(self, writer: Any, step: str) -> None:
        self._writer, self._step = writer, step

    def __getattr__(self, name: str) -> Any:
        if name == self._step:
            self._writer = None  # the traceback of what is raised would keep it, and its threads, alive
            raise ValueError(f"An IO error occurred: '{errno.errorcode[errno.ENOSPC]}: No space left on device'")
        return getattr(self._writer, name)


@pytest.mark.parametrize("step", ["add_document", "commit", "wait_merging_threads"])
def test_a_disk_that_fills_up_while_words_are_indexed_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    path = write(tmp_path / "archive.json", whole_archive())
    publish(path, tmp_path / "data")
    before = sorted(tmp_path.rglob("*"))
    begin = text_index.IndexWriter.__init__

    def begin_on_full_disk(self: Any, *args: Any, **kwargs: Any) -> None:
        begin(self, *args, **kwargs)
        self._writer = FullDisk(self._writer, step)

    monkeypatch.setattr(text_index.IndexWriter, "__init__", begin_on_full_disk)
    with pytest.raises(ReleaseError, match=r"could not be written: No space left on device; nothing was changed"):
        publish(write(path, {**whole_archive(), "events": [record("evt-1")]}), tmp_path / "data")
    assert sorted(tmp_path.rglob("*")) == before
    open_current(tmp_path / "data").close()


def test_a_release_has_no_locks_and_its_index_only_what_is_listed(tmp_path: Path) -> None:
    publish(write(tmp_path / "archive.json", whole_archive()), tmp_path / "data")
    with closing(open_current(tmp_path / "data")) as release:
        files = {path.name for path in (release.folder / "index").iterdir()}
    assert files
    assert not [name for name in files if "lock" in name]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Камеры, в метро!", ["камеры", "в", "метро"]),
        ("Ка\u0301меры", ["камеры"]),
        ("cafe\u0301", ["café"]),
        ("soft\u00adhyphen and\u200bjoined", ["softhyphen", "andjoined"]),
        ("日本ab", ["日", "本", "ab"]),
        ("𠀀𠀁", ["𠀀", "𠀁"]),
        ("지하철역에서", ["지", "하", "철", "역", "에", "서"]),
        ("\u1112\u1161\u11ab", ["한"]),
        ("ㅋㅋ", ["\u110f\u110f"]),
        ("п'ять сім’ї О\u02bcєднання", ["п\u02bcять", "сім\u02bcї", "о\u02bcєднання"]),
        ("'я' д'Артаньян l'ami 5'я", ["я", "д", "артаньян", "l", "ami", "5", "я"]),
        ("ﬁlm ５½", ["film", "51", "2"]),
        ("😀", []),
        ("हिन्दी", ["हिनदी"]),
        ("x" * 121, []),
    ],
)
def test_words_of_any_script_are_read_as(text: str, words: list[str]) -> None:
    assert spellings(text) == words
    # What is read once reads the same again: the vocabulary is read from the index's own words.
    assert spellings(spelled(text)) == words
    assert [word for each in words for word in spellings(each)] == words


@pytest.mark.parametrize(
    ("spelling", "word"),
    [("한", "한"), ("\u110f\u110f", "\u110f\u110f"), ("сім\u02bcї", "сімі"), ("сімї", "сімі"), ("Straße", "strasse")],
)
def test_a_word_folds_to(spelling: str, word: str) -> None:
    assert plain(spelling) == word


@pytest.mark.parametrize("stemmer", STEMMERS)
def test_every_stemmer_is_one_that_the_engine_or_a_dictionary_has(stemmer: str) -> None:
    assert stemmer in BY_DICTIONARY or tantivy.Filter.stemmer(stemmer)
    assert stems("metro", stemmer)
