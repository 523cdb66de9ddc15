"""Translations: which one is shown, and that every text says which language it is in."""

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
