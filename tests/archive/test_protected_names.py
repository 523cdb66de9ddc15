"""Names that are taken back: what finds them, in what, and what is left alone."""

import pytest

from service.archive.protected_names import Named, ProtectedNames, private_names, words_of


def found(name: str, text: str, *, is_person: bool = True, shared: frozenset[str] = frozenset()) -> bool:
    names = ProtectedNames([Named("agt-2", name, is_person)], shared=shared)
    agent = names.find(text)
    assert agent in {None, "agt-2"}
    # What the quick look lets pass is never found by the slow one.
    assert agent is None or names.may_stand_in(text.encode())
    return agent is not None


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Mara Ivanova", "They asked Mara Ivanova to leave."),
        ("Mara Ivanova", "MARA IVANOVA"),
        ("Mara Ivanova", "mara ivanova"),
        ("Mara Ivanova", "Ivanova’s door was open."),
        ("Mara Ivanova", "The Ivanovas left."),
        ("Mara Ivanova", "Ivanova, Mara (34)"),
        ("Mara\u00a0 Ivanova", "Mara\nIvanova"),
        ("Анна Жарова", "Её звали Анной Жаровой."),
        ("Анна Жарова", "о Жаро\u0301вой"),
        ("Пётр Семёнов", "у Семенова"),
        ("Тарас Кравець", "У Кравця була камера."),
        ("Мар'яна Орел", "сказала Мар’яні"),
        ("Олексій Орел", "бачили Орла"),
        ("김철수", "김철수에게 물었다"),
        ("José Núñez", "jose nunez"),
        ("Jose\u0301 Nu\u0301n\u0303ez", "José Núñez"),
        ("Núñez", "Nunez said so."),
        ("Müller", "Müllers Haus"),
        ("Straßer", "STRASSER"),
        ("Μαρία Παπαδοπούλου", "της Μαρίας Παπαδοπούλου"),
        ("محمد الحسيني", "قال محمد الحسيني"),
        ("李明", "李明说"),
        ("เสรี", "คุณเสรีบอกว่า"),
        ("Nguyễn Văn An", "Nguyen Van An"),
        ("Ma\u200bra Ivanova", "Mar\u00ada Ivanova"),
        ("bell hooks", "as bell hooks wrote"),
        ("Li Wei", "Li Wei"),
        ("Ng", "Ng was there."),
        ("May", "In May she left."),
        ("May", "May left."),
    ],
)
def test_a_name_is_found(name: str, text: str) -> None:
    assert found(name, text)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        pytest.param("May", "She may leave, they say.", id="a common word in small letters"),
        pytest.param("May", "Mayor and Maya", id="a short name is not inflected"),
        pytest.param("Li Wei", "Li was there; Wei was not.", id="short words of a name stand everywhere"),
        pytest.param("X", "X and x", id="one letter stands everywhere"),
        pytest.param("李", "李明说", id="one character stands everywhere"),
        pytest.param("7", "7", id="no letter at all"),
        pytest.param("", "anything", id="no name"),
        pytest.param("Mara Ivanova", "Tamara Ivan", id="parts of words"),
        pytest.param("Mara Ivanova", "Жара", id="another script"),
        pytest.param("Jan van den Berg", "van den", id="particles"),
        pytest.param("Lina della Rosa", "A Della was there", id="longer particles"),
        pytest.param("Mara Ivanova (an invented name)", "A name is invented.", id="remarks"),
    ],
)
def test_what_is_no_name_is_left_alone(name: str, text: str) -> None:
    assert not found(name, text)


@pytest.mark.parametrize(
    "text",
    [
        "https://example.org/people/mara-ivanova-34.html",
        "https://example.org/?q=Mara%20Ivanova",
        "https://example.org/%D0%9C%D0%B0%D1%80%D0%B0/mara.ivanova",
        "scans/mara_ivanova_2.pdf",
        "maraivanova2020.mp4",
        "mara.ivanova@example.org",
        "evt-ivanova-arrest",
    ],
)
def test_a_name_is_found_in_an_address(text: str) -> None:
    assert found("Mara Ivanova", text)
    assert not found("Mira Petrova", text)


def test_a_word_that_a_published_person_has_too_is_looked_for_in_whole_names_only() -> None:
    shared = frozenset(words_of("Olga Ivanova"))
    assert not found("Mara Ivanova", "Ivanova said so.", shared=shared)
    assert found("Mara Ivanova", "Mara said so.", shared=shared)
    assert found("Mara Ivanova", "Mara Ivanova said so.", shared=shared)


def test_an_organisation_is_looked_for_by_its_whole_name() -> None:
    assert found("Night Relief", "the Night Relief office", is_person=False)
    assert not found("Night Relief", "A relief at night", is_person=False)
    assert not found("Night Relief", "Relief came", is_person=False)


@pytest.mark.parametrize(
    ("private", "names"),
    [
        (None, []),
        ("Mara", []),
        ({"telephone": "Mara"}, []),
        ({"name": "Mara"}, ["Mara"]),
        ({"names": ["Mara", "Мара"], "real_name": "M. I."}, ["Mara", "Мара", "M. I."]),
        ({"aliases": [{"text": "Mara", "language": "ru", "kind": "nickname"}]}, ["Mara"]),
        ({"name": 7, "names": {"first": "Mara", "deep": [["Ivanova"]]}}, ["Mara", "Ivanova"]),
    ],
)
def test_names_are_those_under_the_keys_of_the_format(private: object, names: list[str]) -> None:
    assert list(private_names({"private": private})) == names


def test_memory_of_words_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.archive.protected_names._REMEMBERED", 3)
    names = ProtectedNames([Named("agt-2", "Mara Ivanova", True)])
    for text in ("one two three four five", "Ivanova", "six seven", "Ivanovas", "eight", "Mara Ivanova"):
        assert (names.find(text) is not None) == ("Ivanova" in text)
