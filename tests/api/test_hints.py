"""What people type who know other APIs is answered with how it is asked for here; `fields` also leaves keys out."""

from typing import Any

import httpx
import pytest

#: An address, the parameter that is refused, and what its message says besides.
REFUSED = [
    ("/v1/events?page=2", "page", "follow links.next"),
    ("/v1/events?offset=20", "offset", "follow links.next"),
    ("/v1/events?per_page=5", "per_page", "limit"),
    ("/v1/events?pageSize=5", "pageSize", "limit"),
    ("/v1/events?order=desc", "order", "sort=-id"),
    ("/v1/events?search=metro", "search", "q"),
    ("/v1/search?query=metro&q=a", "query", "q"),
    ("/v1/events?date=2017", "date", "date_from and date_to"),
    ("/v1/testimonies?locale=de", "locale", "lang"),
    ("/v1/events?topic%5B%5D=top-a", "topic[]", "did you mean topic?"),
    ("/v1/events?sort=date:desc", "sort", "write sort=-date"),
    ("/v1/events?sort=date%20desc", "sort", "write sort=-date"),
    ("/v1/events?sort=title.asc", "sort", "write sort=title"),
    ("/v1/events?topic=top-a,top-b", "topic", "topic=top-a&topic=top-b"),
    ("/v1/events?type=arrest,threat", "type", "type=arrest&type=threat"),
    ("/v1/events?facets=all", "facets", "what can is topic, place, source"),
    ("/v1/search?q=a&facets=type", "facets", "what can is topic, place, source"),
    ("/v1/search?q=a&lang=russian", "lang", "did you mean ru?"),
    ("/v1/changes?order=desc", "order", "sort"),
    ("/v1/events?place=Moscow", "place", "/v1/places?q=Moscow finds the identifier"),
    ("/v1/testimonies?witness=Anna%20K.", "witness", "/v1/agents?q=Anna+K. finds the identifier"),
    ("/v1/events?topic=%D0%94%D0%BE%D0%BC", "topic", "/v1/topics?q=%D0%94%D0%BE%D0%BC finds the identifier"),
    ("/v1/events?country=Russia", "country", "did you mean RU?"),
    ("/v1/events?country!=Germany", "country!", "did you mean DE?"),
    ("/v1/events?lang=russian", "lang", "did you mean ru?"),
    ("/v1/responses?about=the%20camera", "about", "/v1/search?q=the+camera finds the identifier"),
]
REFUSED += [
    ("/v1/search?q=metro&sort=-date", "sort", "/v1/events?q=…&sort=-date"),
    ("/v1/changes?sort=date:desc", "sort", "write sort=-at"),
    ("/v1/changes?sort=-date", "sort", "write sort=-at"),
    ("/v1/testimonies?sort=-date", "sort", "write sort=-given"),
    ("/v1/events?sort=date_from%20asc", "sort", "write sort=date"),
    ("/v1/topics?sort=-created_at", "sort", "write sort=-updated_at"),
    ("/v1/testimonies?fields=*", "fields", "leave the parameter out"),
    ("/v1/testimonies/tes-001?fields=all", "fields", "leave the parameter out"),
    ("/v1/events?include=*", "include", "what can is "),
    ("/v1/testimonies?limit=1000", "limit", "links.next, or ask for the whole list at its address with .csv"),
    ("/v1/changes?limit=1000", "limit", "for more, follow links.next"),
    ("/v1/search?q=a&limit=1000", "limit", "for more, follow links.next"),
    ("/v1/search?q=a&page=2", "page", "follow links.next"),
    ("/v1/changes?offset=", "offset", "follow links.next"),
]
#: The same where there is nothing to say: no hint leads to a parameter that is not there, or astray.
NO_HINT = [
    ("/v1/suggest?q=a&limit=1000", "limit", "links.next"),
    ("/v1/events?limit=0", "limit", "links.next"),
    ("/v1/changes?limit=1000", "limit", ".csv"),
    ("/v1/suggest?q=a&sort=-date", "sort", "best match"),
    ("/v1/testimonies?fields=title,nothing", "fields", "leave the parameter out"),
    ("/v1/sources?date=2017", "date", "date_from"),
    ("/v1/changes?search=metro", "search", "searched for"),
    ("/v1/search?order=desc&q=a", "order", "sort"),
    ("/v1/events?sort=colour:desc", "sort", "write"),
    ("/v1/events?topic=top-", "topic", "finds"),
    ("/v1/events?topic=TOP-1", "topic", "finds"),
    ("/v1/events?topic=2017", "topic", "finds"),
    (f"/v1/events?topic={'a' * 61}", "topic", "finds"),
    ("/v1/events?country=Russia", "country", "finds"),
    ("/v1/events?type=arrest,nothing", "type", "type=arrest"),
]


def message_about(client: httpx.Client, address: str, parameter: str) -> str:
    """Return what the refusal of an address says about a parameter."""
    answer = client.get(address)
    assert answer.status_code == 422
    [message] = [error["message"] for error in answer.json()["errors"] if error["parameter"] == parameter]
    return str(message)


@pytest.mark.parametrize(("address", "parameter", "hint"), REFUSED)
def test_a_refusal_says_how_it_is_asked_for_here(client: httpx.Client, address: str, parameter: str, hint: str) -> None:
    assert hint in message_about(client, address, parameter)


@pytest.mark.parametrize(("address", "parameter", "hint"), NO_HINT)
def test_no_hint_leads_astray(client: httpx.Client, address: str, parameter: str, hint: str) -> None:
    assert hint not in message_about(client, address, parameter)


def test_the_addresses_of_hints_find_what_was_meant(client: httpx.Client) -> None:
    address = message_about(client, "/v1/events?place=Moscow", "place").split("for a name, ")[1].split(" finds")[0]
    assert "plc-moscow" in {place["id"] for place in client.get(address).json()["data"]}


def first(client: httpx.Client, query: str) -> dict[str, Any]:
    record: dict[str, Any] = client.get(f"/v1/events?limit=1{query}").json()["data"][0]
    return record


def test_keys_are_left_out(client: httpx.Client) -> None:
    whole = first(client, "")
    without = first(client, "&fields=-citations,-acts")
    assert without == {key: value for key, value in whole.items() if key not in ("citations", "acts")}
    assert list(without) == [key for key in whole if key in without]


@pytest.mark.parametrize(
    ("fields", "keys"),
    [
        ("-id,-citations,id,title", {"id", "title"}),
        ("title,citations,-citations", {"title"}),
        ("title,-title", {"id"}),
        ("-citations&fields=title", {"title"}),
    ],
)
def test_named_keys_and_keys_to_leave_out_together(client: httpx.Client, fields: str, keys: set[str]) -> None:
    assert set(first(client, f"&fields={fields}")) == keys


def test_the_identifier_cannot_be_left_out(client: httpx.Client) -> None:
    assert first(client, "&fields=-id") == first(client, "")
    assert client.get("/v1/events/evt-001?fields=-id,-citations").json()["id"] == "evt-001"


def test_columns_are_left_out(client: httpx.Client) -> None:
    header = client.get("/v1/statistics?format=csv&fields=-citations,-topics").text.splitlines()[0].split(",")
    whole = client.get("/v1/statistics?format=csv").text.splitlines()[0].split(",")
    gone = {"source_ids", "source_labels", "source_urls", "evidence", "passages", "citation_notes"}
    assert header == [name for name in whole if name not in gone | {"topic_ids", "topic_labels"}]


def test_the_description_offers_what_can_be_left_out(client: httpx.Client) -> None:
    [fields] = [
        each
        for each in client.get("/openapi.json").json()["paths"]["/v1/events"]["get"]["parameters"]
        if each["name"] == "fields"
    ]
    assert {"citations", "-citations"} <= set(fields["schema"]["items"]["enum"])


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("/v1/testimonies/evt-012", "/v1/events/evt-012"),
        ("/V1/events", "did you mean /v1/events?"),
        ("/api/v1/events", "did you mean /v1/events?"),
        ("/v1/testimony", "did you mean /v1/testimonies?"),
        ("/v1/event", "did you mean /v1/events?"),
    ],
)
def test_an_address_that_is_none_leads_to_the_one_that_was_meant(client: httpx.Client, address: str, said: str) -> None:
    answer = client.get(address)
    assert answer.status_code == 404
    assert said in answer.json()["detail"]


@pytest.mark.parametrize("address", ["/v1/", "/v1/testimonies/", "/v1/events/evt-001/", "/v1/events/?limit=1"])
def test_a_slash_at_the_end_is_led_to_the_address_without(client: httpx.Client, address: str) -> None:
    answer = client.get(address)
    assert answer.status_code == 308
    path, _, query = address.partition("?")
    assert httpx.URL(answer.headers["location"]).raw_path.decode() == path.rstrip("/") + ("?" + query if query else "")
    assert client.get(answer.headers["location"]).status_code == 200


def test_short_tags_of_languages_are_no_names(client: httpx.Client) -> None:
    assert client.get("/v1/events?lang=ga").status_code == 200


def test_the_description_is_found_beside_the_rest(client: httpx.Client) -> None:
    assert client.get("/v1/openapi.json").json() == client.get("/openapi.json").json()


@pytest.mark.parametrize(
    ("address", "parameter", "told"),
    [
        ("/v1/events?place=Moscow%20metro", "place", "plc-moscow-metro is "),
        ("/v1/testimonies?witness=Pinchuk", "witness", None),
        ("/v1/testimonies?witness=sergei%20PINCHUK", "witness", "agt-p02 is Sergei Pinchuk"),
        ("/v1/testimonies?witness!=Sergei+Pinchuk", "witness!", "agt-p02 is Sergei Pinchuk"),
        ("/v1/testimonies?witness=nobody", "witness", None),
        ("/v1/testimonies?witness=%01pinchuk", "witness", None),
        ("/v1/testimonies?witness=" + "pinchuk" * 20, "witness", None),
    ],
)
def test_a_name_that_one_record_has_is_told_with_its_identifier(
    client: httpx.Client, address: str, parameter: str, told: str | None
) -> None:
    message = message_about(client, address, parameter)
    if told is None:
        assert " is " not in message.split("finds the identifier")[-1]
    else:
        assert told in message
