"""Translations: which one is shown, and that every text says which language it is in."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.catalogue.languages import Languages, look_up, widening
from service.http.negotiation import wished_languages
from service.release.publish import publish
from service.settings import Settings
from tests.archives import FIELDS, archive, record, write
from tests.conftest import running

DE = {"title": "Was gesagt wurde", "summary": "Eine Bewohnerin erinnert sich."}
WARNED = ["violence"]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("languages")
    whole = archive(
        record("tes-1", translations={"de": DE, "fr-CA": {"title": "Ce qui fut dit"}}, content_warnings=WARNED),
        record("tes-2", language="ru"),
        record("evt-1", date="XXXX-05-09", date_note="No year.", translations={"de": {"date_note": "Ohne Jahr."}}),
        record("src-2", language="ru", title="Доклад", translations={"en": {"title": "The report"}}),
        record("rsp-1"),
        record("top-1"),
    )
    publish(write(folder / "archive.json", whole), folder / "data")
    return folder / "data"


@pytest.fixture(scope="module")
def client(data: Path) -> Iterator[httpx.Client]:
    with running(Settings(data=data)) as shared:
        yield shared


def test_a_translation_takes_the_place_of_the_original_field_by_field(client: httpx.Client) -> None:
    original = client.get("/v1/testimonies/tes-1").json()
    assert original["language_of"] == {"title": "en", "summary": "en", "content_warnings": "en"}
    answer = client.get("/v1/testimonies/tes-1?lang=de")
    shown = answer.json()
    assert {key for key in shown if shown[key] != original[key]} == {"title", "summary", "language_of"}
    assert (shown["title"], shown["summary"]) == (DE["title"], DE["summary"])
    assert shown["language_of"] == {"title": "de", "summary": "de", "content_warnings": "en"}
    assert answer.headers["content-language"] == "de, en"
    assert list(shown) == list(original)


@pytest.mark.parametrize(
    ("query", "header", "title"),
    [
        ("", None, "What was said"),
        ("?lang=de", None, DE["title"]),
        ("?lang=DE-at", None, DE["title"]),
        ("?lang=fr", None, "What was said"),
        ("?lang=fr-ca", None, "Ce qui fut dit"),
        ("?lang=xx", None, "What was said"),
        ("?lang=*", "de", "What was said"),
        ("?lang=en", "de", "What was said"),
        ("", "de", DE["title"]),
        ("", "de-CH-1996, en;q=0.1", DE["title"]),
        ("", "en, de", "What was said"),
        ("", "de;q=0.5, en;q=0.6", "What was said"),
        ("", "ru, de;q=0.5", DE["title"]),
        ("", "*, de;q=0.5", "What was said"),
        ("", "de;q=0", "What was said"),
        ("", ";;,,=;q=x", "What was said"),
        ("", "de;q=nan", "What was said"),
        ("", ",".join(f"x{n}" for n in range(500)) + ",de", "What was said"),
    ],
)
def test_the_wish_that_fits_first_decides(client: httpx.Client, query: str, header: str | None, title: str) -> None:
    headers = {} if header is None else {"Accept-Language": header}
    record_answer = client.get(f"/v1/testimonies/tes-1{query}", headers=headers)
    page = client.get(f"/v1/testimonies{query}", headers=headers).json()
    assert record_answer.json()["title"] == page["data"][0]["title"] == title
    assert page["data"][0] == record_answer.json()


def test_a_source_is_in_its_own_language_all_else_in_the_archives(client: httpx.Client) -> None:
    assert client.get("/v1/sources/src-2").json()["language_of"] == {"title": "ru"}
    english = client.get("/v1/sources/src-2?lang=en").json()
    assert (english["title"], english["language_of"]) == ("The report", {"title": "en"})
    assert client.get("/v1/testimonies/tes-2").json()["language_of"]["title"] == "en"
    # Nothing is stated, so nothing is in a language.
    assert client.get("/v1/responses/rsp-1").json()["language_of"] == {}


def test_the_note_of_a_date_is_translated_in_both_places(client: httpx.Client) -> None:
    shown = client.get("/v1/events/evt-1?lang=de").json()
    assert shown["date_note"] == shown["date"]["note"] == "Ohne Jahr."
    assert shown["language_of"] == {"title": "en", "date_note": "de"}


def test_a_page_names_every_language_on_it_and_keeps_the_wish(client: httpx.Client) -> None:
    answer = client.get("/v1/testimonies?lang=de&limit=1&fields=title")
    assert answer.headers["content-language"] == "de, en"
    assert answer.json()["data"] == [{"title": DE["title"]}]
    assert "lang=de" in answer.json()["links"]["next"]
    following = client.get(answer.json()["links"]["next"])
    assert following.headers["content-language"] == "en"
    # A cursor belongs to the list, in whatever language it is shown.
    cursor = httpx.URL(answer.json()["links"]["next"]).params["cursor"]
    assert client.get(f"/v1/testimonies?cursor={cursor}&limit=1").status_code == 200


def test_without_a_wish_that_counts_the_stored_bytes_are_served(client: httpx.Client) -> None:
    plain = client.get("/v1/testimonies/tes-1")
    for header in ("en-US,en;q=0.9,de;q=0.8", "ja", "*"):
        answer = client.get("/v1/testimonies/tes-1", headers={"Accept-Language": header})
        assert (answer.content, answer.headers["etag"]) == (plain.content, plain.headers["etag"])
        assert "content-language" not in answer.headers
    # Topics have no translations at all.
    assert "content-language" not in client.get("/v1/topics?lang=de").headers


def test_answers_in_different_languages_are_different_answers(client: httpx.Client) -> None:
    path = "/v1/testimonies/tes-1"
    answers = [client.get(path, headers={"Accept-Language": each}) for each in ("en", "de", "fr-CA")]
    assert len({answer.headers["etag"] for answer in answers}) == 3
    assert all("Accept-Language" in answer.headers["vary"] for answer in answers)
    german = {"If-None-Match": answers[1].headers["etag"]}
    again = client.get(path, headers={**german, "Accept-Language": "de"})
    assert (again.status_code, again.headers["content-language"]) == (304, "de, en")
    assert client.get(path, headers=german).status_code == 200


@pytest.mark.parametrize(
    "lang", ["", "de_DE", "de-", "-", "**", "d" * 9, "de-" + "a" * 9, "%00", "де", "de,fr", "a" * 65]
)
def test_what_is_no_language_range_is_refused(client: httpx.Client, lang: str) -> None:
    for path in ("/v1/testimonies", "/v1/testimonies/tes-1"):
        answer = client.get(f"{path}?lang={lang}")
        assert (answer.status_code, answer.json()["errors"][0]["parameter"]) == (422, "lang")


def test_the_original_is_always_there(client: httpx.Client) -> None:
    shown = client.get("/v1/testimonies/tes-1?lang=de").json()
    original = client.get("/v1/testimonies/tes-1?lang=*", headers={"Accept-Language": "de"}).json()
    assert shown["translations"] == original["translations"]
    assert original["title"] == "What was said"


# --- Lookup ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wish", "forms"),
    [
        ("de", ["de"]),
        ("zh-hant-cn-x-private1-private2", [
            "zh-hant-cn-x-private1-private2", "zh-hant-cn-x-private1", "zh-hant-cn", "zh-hant", "zh",
        ]),
        ("x-private", ["x-private", "x"]),
    ],
)  # fmt: skip
def test_a_range_widens_as_the_standard_says(wish: str, forms: list[str]) -> None:
    assert list(widening(wish)) == forms


@pytest.mark.parametrize(
    ("wishes", "available", "found"),
    [
        (("de-at",), ["de", "en"], "de"),
        (("de",), ["de-AT"], None),
        (("sr-latn",), ["sr-Latn", "sr"], "sr-Latn"),
        (("fr", "de"), ["de"], "de"),
        ((), ["de"], None),
        (("de",), [], None),
    ],
)
def test_lookup(wishes: tuple[str, ...], available: list[str], found: str | None) -> None:
    assert look_up(wishes, available) == found


@pytest.mark.parametrize(
    ("originals", "wishes", "counts"),
    [
        ({"en"}, ("de",), ("de",)),
        ({"en"}, ("en", "de"), ()),
        ({"en", "ru"}, ("en", "de"), ("en", "de")),
        ({"en"}, ("ja", "de", "en", "fr"), ("de", "en")),
        ({"en"}, ("ja",), ()),
        ({"de"}, ("de-at",), ("de-at",)),
    ],
)
def test_only_wishes_that_can_change_something_count(
    originals: set[str], wishes: tuple[str, ...], counts: tuple[str, ...]
) -> None:
    languages = Languages(frozenset(originals), frozenset({"de", "fr"}))
    assert languages.effective(wishes) == counts


@pytest.mark.parametrize(
    ("named", "header", "wishes"),
    [
        (None, "de-AT;q=0.5, en", ("en", "de-at")),
        (None, "fr, *;q=0.5, de;q=0.1", ("fr",)),
        ("ru", "de", ("ru",)),
        ("*", "de", ()),
        (None, None, ()),
        (None, "", ()),
    ],
)
def test_wishes_are_read_the_dearest_first(named: str | None, header: str | None, wishes: Any) -> None:
    assert wished_languages(named, header) == wishes


def test_the_fields_that_can_be_translated_are_those_of_the_format() -> None:
    assert FIELDS["event"].translated == ("title", "summary", "date_note", "content_warnings", "notes")
    assert FIELDS["testimony"].translated == ("title", "summary", "content_warnings", "notes")


# --- Labels of other records ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """Records without a translation of their own, which name records that have one. tes-2 names none of these."""
    folder = tmp_path_factory.mktemp("labelled")
    pseudonym = {"name_policy": "pseudonym", "name": None, "kind": "person", "access": {"consent_basis": "direct"}}
    whole = archive(
        record("agt-2", label="Vera", translations={"ru": {"label": "Вера"}}, **pseudonym),
        record("agt-3", name="The paper", translations={"ru": {"name": "Газета"}}),
        record("src-2", language="de", title="Bericht", publisher="agt-3", translations={"en": {"title": "Report"}}, verbatim=True),
        record("top-1", label="Land", translations={"ru": {"label": "Земля"}}),
        record("top-2", label="Extortion", broader="top-1", translations={"ru": {"label": "Вымогательство"}}),
        record("plc-1", name="The city", translations={"ru": {"name": "Город"}}),
        record("plc-2", name="A street", part_of="plc-1"),
        record(
            "tes-1", witness="agt-2", topics=["top-2"], place="plc-2", citations=[{"source": "src-2", "masked": True}],
            transcript=[{"id": "a", "speaker_agent": "agt-2", "text": "So."}, {"id": "b", "speaker": "V.", "speaker_agent": "agt-2", "text": "Yes."}],
            custom={"seen": "plc-1"},
        ),
        record("tes-2"),
        record("evt-1", relations=[{"type": "account_of", "to": "tes-1"}], place="plc-1"),
        fields={"testimony": [{"name": "seen", "label": "Seen", "kind": "reference", "to": ["place"]}]},
    )  # fmt: skip
    publish(write(folder / "archive.json", whole), folder / "data")
    with running(Settings(data=folder / "data")) as shared:
        yield shared


def test_labels_of_other_records_follow_the_language(labelled: httpx.Client) -> None:
    original = labelled.get("/v1/testimonies/tes-1").json()
    answer = labelled.get("/v1/testimonies/tes-1?lang=ru")
    shown = answer.json()
    assert shown["witness"] == {"id": "agt-2", "label": "Вера"}
    assert shown["topics"] == [{"id": "top-2", "label": "Вымогательство"}]
    assert shown["custom"]["seen"] == {"id": "plc-1", "label": "Город", "country": None}
    source = shown["citations"][0]["source"]
    assert (source["label"], source["publisher"]) == ("Bericht", {"id": "agt-3", "label": "Газета"})
    assert {key for key in shown if shown[key] != original[key]} == {"witness", "topics", "custom", "citations"}
    assert answer.headers["content-language"] == "en, ru"
    assert labelled.get("/v1/testimonies?lang=ru&source=src-2").json()["data"] == [shown]


def test_labels_are_in_the_first_language_wished_for_that_they_have(labelled: httpx.Client) -> None:
    answer = labelled.get("/v1/testimonies/tes-1", headers={"Accept-Language": "en, ru;q=0.5"})
    shown = answer.json()
    assert (shown["witness"]["label"], shown["citations"][0]["source"]["label"]) == ("Vera", "Report")
    german = labelled.get("/v1/testimonies/tes-1", headers={"Accept-Language": "de, en;q=0.5"}).json()
    assert german["citations"][0]["source"]["label"] == "Bericht"
    event = labelled.get("/v1/events/evt-1?lang=ru").json()
    assert (event["place"]["label"], event["relations"][0]["to"]["label"]) == ("Город", "What was said")


def test_facets_and_what_they_lie_below_follow_the_language(labelled: httpx.Client) -> None:
    for path in ("testimonies?", "search?q=resident&"):
        facets = labelled.get(f"/v1/{path}facets=topic,place&lang=ru").json()["facets"]
        assert [(each["value"], each["label"], each["broader"]) for each in facets["topic"][:2]] == [
            ("top-2", "Вымогательство", {"id": "top-1", "label": "Земля"}),
            ("top-1", "Земля", None),
        ]
        assert {each["value"]: each["label"] for each in facets["place"]} == {
            "plc-1": "Город",
            "plc-2": "A street",
            None: None,
        }


def test_files_name_other_records_in_the_language(labelled: httpx.Client) -> None:
    rows = [*csv.DictReader(io.StringIO(labelled.get("/v1/testimonies.csv?lang=ru").text))]
    assert [(row["witness_label"], row["topic_labels"]) for row in rows] == [
        ("Вера", "Вымогательство"),
        ("The council", ""),
    ]


def test_speakers_are_called_in_the_language_unless_the_transcript_names_them(labelled: httpx.Client) -> None:
    segments = labelled.get("/v1/testimonies/tes-1/transcript?lang=ru").json()["segments"]
    assert [each["speaker"] for each in segments] == ["Вера", "V."]
    assert {each["speaker_agent"]["label"] for each in segments} == {"Вера"}


def test_a_language_of_no_label_at_hand_changes_nothing(labelled: httpx.Client) -> None:
    plain = labelled.get("/v1/agents/agt-1")
    other = labelled.get("/v1/agents/agt-1?lang=uk")
    assert (plain.content, "content-language" in other.headers) == (other.content, False)
    assert "content-language" not in labelled.get("/v1/topics?lang=en").headers
