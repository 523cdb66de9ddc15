"""Whole lists as CSV, NDJSON and GeoJSON: what is in them, read back with the readers that people use."""

import csv
import gzip
import io
import json
import re
import tempfile
from pathlib import Path
from typing import Any, get_args

import duckdb
import httpx
import jq
import pandas as pd
import pytest
import shapely
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from shapely.geometry import shape

from service.api.columns import all_columns, columns_of, harmless, joined
from service.api.formats import FORMATS, Export, csv_rows, formats_of, written
from service.catalogue.browsing import Catalogue
from service.catalogue.parameters import read_criteria
from service.release.opening import open_current
from service.release.publish import publish
from tests.archives import CRITERIA, FIELDS, TIMES, Fields, archive, random_archives, record, said_of, write
from tests.conftest import PublishTo, Serve

EVERY = [(collection, name) for collection, model in CRITERIA.items() for name in formats_of(model) if name != "json"]

AWKWARD = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\ttab",
    "'=1",
    "＝1",
    'say "no"',
    "a, b",
    "two\nlines",
    "two\r\nlines",
    "a|b",
    "back\\slash",
    "\\|",
    "مرحبا",
    "e\u0301",
    "😀",
    " padded ",
    "NULL",
    "007",
    "'",
]


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


def split(cell: str) -> list[str]:
    """Take a list cell apart, as the documentation says."""
    parts, escaped = [""], False
    for char in cell:
        if not escaped and char in "\\|":
            escaped = char == "\\"
            parts += [""] if char == "|" else []
        else:
            parts[-1] += char
            escaped = False
    return parts


def as_written(cell: str) -> str:
    """Take the apostrophe away that keeps a cell from being run, as the documentation says."""
    return cell[1:] if re.match("''*[=+\\-@\t\r\n＝＋－＠]", cell) else cell


@pytest.fixture(scope="module")
def awkward(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder whose archive has every awkward text as a title, and an agent for each."""
    folder = tmp_path_factory.mktemp("awkward")
    topics = [record(f"top-{n}", label=text.strip() or "x") for n, text in enumerate(AWKWARD)]
    testimonies = [
        record(f"tes-{n:02}", title=text.strip(), summary=text.strip(), topics=[topic["id"] for topic in topics])
        for n, text in enumerate(AWKWARD)
    ]
    publish(write(folder / "archive.json", archive(*topics, *testimonies)), folder / "data")
    return folder / "data"


# --- Choosing ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("collection", "name"), EVERY)
def test_a_format_is_chosen_by_parameter_or_accept(client: httpx.Client, collection: str, name: str) -> None:
    media_type = FORMATS[name].media_type
    by_parameter = client.get(f"/v1/{collection}?format={name}")
    by_accept = client.get(f"/v1/{collection}", headers={"Accept": media_type})
    for answer in (by_parameter, by_accept):
        assert answer.status_code == 200
        assert answer.headers["content-type"].split(";")[0] == media_type
        assert answer.headers["content-disposition"].endswith(f'-{collection}.{FORMATS[name].suffix}"')
        assert "archive-total" in answer.headers
        assert "Accept" in answer.headers["vary"]
    assert by_parameter.content == by_accept.content


@pytest.mark.parametrize("accept", ["application/json", "image/png", "*/*;q=0"])
def test_format_goes_before_accept(client: httpx.Client, accept: str) -> None:
    answer = client.get("/v1/events?format=csv", headers={"Accept": accept})
    assert answer.headers["content-type"].startswith("text/csv")
    answer = client.get("/v1/events?format=json", headers={"Accept": "text/csv"})
    assert answer.headers["content-type"] == "application/json"


def test_accept_is_weighed(client: httpx.Client) -> None:
    for accept, chosen in {
        "text/csv;q=0.5, application/x-ndjson": "application/x-ndjson",
        "text/*": "text/csv",
        "application/*": "application/json",
        "text/csv;q=0.1, */*;q=0.5": "application/json",
        "text/html, application/xhtml+xml, */*;q=0.8": "application/json",
    }.items():
        answer = client.get("/v1/events", headers={"Accept": accept})
        assert answer.headers["content-type"].split(";")[0] == chosen


def test_an_unknown_format_is_refused_with_those_there_are(client: httpx.Client) -> None:
    for path, allowed in {
        "/v1/events?format=xlsx": ["json", "csv", "ndjson", "geojson"],
        "/v1/testimonies?format=geojson": ["json", "csv", "ndjson"],
        "/v1/testimonies?format=CSV": ["json", "csv", "ndjson"],
    }.items():
        answer = client.get(path)
        assert answer.status_code == 422
        [error] = answer.json()["errors"]
        assert (error["parameter"], error["allowed"]) == ("format", allowed)
    answer = client.get("/v1/testimonies", headers={"Accept": "application/geo+json"})
    assert answer.status_code == 406
    assert answer.json()["errors"][0]["allowed"] == ["application/json", "text/csv", "application/x-ndjson"]


@pytest.mark.parametrize("headers", [{}, {"Accept": "text/csv"}])
def test_a_page_of_a_format_without_pages_is_refused(client: httpx.Client, headers: dict[str, str]) -> None:
    query = "" if headers else "&format=ndjson"
    answer = client.get(f"/v1/events?limit=20&cursor=AAAA{query}", headers=headers)
    assert answer.status_code == 422
    assert {error["parameter"] for error in answer.json()["errors"]} == {"limit", "cursor"}
    assert "whole list" in answer.json()["detail"]


@pytest.mark.parametrize("name", ["csv", "ndjson", "geojson"])
def test_what_is_wrong_is_said_before_the_first_byte(client: httpx.Client, name: str) -> None:
    answer = client.get(f"/v1/events?format={name}&topic=x")
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")


# --- CSV --------------------------------------------------------------------------------------------------------------


@given(st.lists(st.lists(st.one_of(st.none(), st.integers(), st.floats(allow_nan=False), st.text()), min_size=1)))
def test_rows_are_written_as_the_csv_module_does(table: list[list[Any]]) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows(table)
    if not any("\0" in cell for row in table for cell in row if isinstance(cell, str)):
        encoded = text.getvalue().encode("utf-8", "replace")
        surrogates = "\ud800" <= max(text.getvalue(), default="") <= "\udfff"
        assert surrogates or csv_rows(table) == encoded


@given(st.lists(st.text(alphabet="a|\\'=\n"), min_size=2))
def test_a_list_can_be_taken_apart_again(values: list[str]) -> None:
    assert split(as_written(harmless(joined(values)) or "")) == values


@given(st.text(alphabet="'=+-@\t\r\n＝ab"))
def test_no_text_is_run_as_a_formula_and_none_is_changed_for_good(text: str) -> None:
    cell = harmless(text) or ""
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n", "＝"))
    assert as_written(cell) == text


@pytest.mark.parametrize("collection", CRITERIA)
def test_every_key_has_columns_and_no_two_have_one_name(collection: str) -> None:
    record_type = CRITERIA[collection].record
    assert {columns.key for columns in all_columns(FIELDS[record_type])} == set(CRITERIA[collection].KEYS)
    names = [name for columns in columns_of(FIELDS[record_type], frozenset()) for name in columns.names]
    assert len(set(names)) == len(names)
    assert names[:3] == ["record", "id", "url"]


@pytest.mark.parametrize("collection", CRITERIA)
def test_a_row_says_what_the_record_says(client: httpx.Client, collection: str) -> None:
    answer = client.get(f"/v1/{collection}?format=csv", headers={"Accept-Encoding": "identity"})
    assert answer.content[:3] != b"\xef\xbb\xbf"
    header = ",".join(n for c in columns_of(FIELDS[CRITERIA[collection].record], frozenset()) for n in c.names)
    assert answer.text.split("\r\n")[0] == header
    shown = {each["id"]: each for each in walk(client, f"/v1/{collection}")}
    table = rows(answer.text)
    assert [row["id"] for row in table] == list(shown)
    assert answer.headers["archive-total"] == str(len(table))
    for row in table:
        document = shown[row["id"]]
        assert client.get(row["url"]).json() == document
        for name, cell in row.items():
            value = document.get(name)
            if isinstance(value, str):
                assert as_written(cell) == value
            elif isinstance(value, bool):
                assert cell == str(value).lower()
            elif isinstance(value, int | float):
                assert float(cell) == value
        if citations := document.get("citations"):
            assert row["source_ids"].split("|") == [each["source"]["id"] for each in citations]
            urls = [client.get(f"/v1/sources/{each['source']['id']}").json()["url"] or "" for each in citations[:2]]
            assert row["source_urls"].split("|")[:2] == urls
            assert row["evidence"].split("|") == [each["evidence"] for each in citations]
        if "place" in document:
            assert row["place_id"] == ("" if document["place"] is None else document["place"]["id"])
        if "date" in document and collection == "events":
            assert row["date_edtf"] == (document["date"]["edtf"] or "")
            assert row["date_latest"] == (document["date"]["latest"] or "")
        if document.get("acts"):
            assert len(row["act_types"].split("|")) == len(document["acts"])
            sources = [[each["source"]["id"] for each in act["citations"]] for act in document["acts"]]
            assert [entry.split(" ") for entry in row["act_source_ids"].split("|")] == sources


def walk(client: httpx.Client, path: str) -> list[Fields]:
    page = client.get(f"{path}{'&' if '?' in path else '?'}limit=200").json()
    found: list[Fields] = page["data"]
    while page["links"]["next"]:
        page = client.get(page["links"]["next"]).json()
        found += page["data"]
    return found


def test_fields_pick_columns(client: httpx.Client) -> None:
    table = rows(client.get("/v1/events?format=csv&fields=place,id,date").text)
    assert list(table[0]) == [
        *("id", "url", "date_edtf", "date_earliest", "date_latest", "date_open_end", "date_note"),
        *("place_id", "place_label", "place_country"),
    ]
    [single] = client.get("/v1/statistics?format=csv&fields=value&qualifier=most").text.splitlines()[1:2] or ['""']
    assert single == '""'


def test_an_empty_list_has_a_header_row_only(client: httpx.Client) -> None:
    answer = client.get("/v1/testimonies?format=csv&topic=top-none")
    assert answer.headers["archive-total"] == "0"
    assert answer.text.count("\r\n") == 1
    assert answer.text.startswith("record,id,url,title")
    answer = client.get("/v1/testimonies?format=ndjson&topic=top-none")
    assert (answer.content, answer.headers["archive-total"]) == (b"", "0")
    answer = client.get("/v1/events?format=geojson&topic=top-none")
    assert answer.json() == {"type": "FeatureCollection", "omitted": 0, "features": []}
    assert answer.headers["archive-omitted"] == "0"


def test_awkward_texts_come_back_with_pythons_csv(awkward: Path, serve: Serve) -> None:
    table = rows(serve(awkward).get("/v1/testimonies?format=csv").text)
    assert [as_written(row["title"]) for row in table] == [text.strip() for text in AWKWARD]
    assert not any(row["title"].startswith(("=", "+", "-", "@")) for row in table)
    labels = [text.strip() or "x" for text in AWKWARD]
    assert all(split(as_written(row["topic_labels"])) == labels for row in table)


def test_awkward_texts_come_back_with_pandas_and_duckdb(awkward: Path, serve: Serve, tmp_path: Path) -> None:
    answer = serve(awkward).get("/v1/testimonies?format=csv")
    path = tmp_path / "testimonies.csv"
    path.write_bytes(answer.content)
    expected = [row["title"] for row in rows(answer.text)]
    frame = pd.read_csv(path, dtype={"title": str}, keep_default_na=False)
    assert list(frame["title"]) == expected
    assert frame["version"].dtype.kind == "i"
    with duckdb.connect() as database:
        found = database.execute(
            "SELECT title, version FROM read_csv(?, header = true, quote = '\"', escape = '\"', strict_mode = true,"
            " types = {'title': 'VARCHAR'}) ORDER BY id",
            [str(path)],
        ).fetchall()
    assert [title for title, _ in found] == expected
    assert all(isinstance(version, int) for _, version in found)


def test_numbers_stay_numbers(tmp_path: Path, publish_to: PublishTo, serve: Serve) -> None:
    figure = {"qualifier": "exact", "value": -5, "lower": -5, "upper": -5, "as_stated": "-5"}
    point = {"latitude": -33.4998, "longitude": -70.250112, "radius_m": 50}
    publish_to(tmp_path / "data", archive(record("sta-1", **figure), record("plc-1", **point)))
    client = serve(tmp_path / "data")
    [row] = rows(client.get("/v1/statistics?format=csv").text)
    assert (row["value"], row["as_stated"]) in {("-5", "'-5"), ("-5.0", "'-5")}
    frame = pd.read_csv(io.BytesIO(client.get("/v1/places?format=csv").content))
    assert (frame["latitude"][0], frame["longitude"][0], frame["radius_m"][0]) == (-33.4998, -70.250112, 50)


# --- NDJSON -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("collection", CRITERIA)
def test_a_line_is_the_record_of_the_list(client: httpx.Client, collection: str) -> None:
    answer = client.get(f"/v1/{collection}?format=ndjson")
    lines = answer.text.splitlines(keepends=True)
    assert [json.loads(line) for line in lines] == walk(client, f"/v1/{collection}")
    assert all(line.endswith("\n") for line in lines)
    assert answer.headers["archive-total"] == str(len(lines))


def test_ndjson_takes_filters_sort_and_fields(client: httpx.Client) -> None:
    query = "type=detention&sort=-title&fields=id,title"
    lines = client.get(f"/v1/events?{query}&format=ndjson").text.splitlines()
    assert [json.loads(line) for line in lines] == walk(client, f"/v1/events?{query}")
    assert set(json.loads(lines[0])) == {"id", "title"}


def test_ndjson_is_read_by_jq_duckdb_and_pandas(client: httpx.Client, tmp_path: Path) -> None:
    answer = client.get("/v1/events?format=ndjson")
    path = tmp_path / "events.ndjson"
    path.write_bytes(answer.content)
    identifiers = [each["id"] for each in walk(client, "/v1/events")]
    found_by_jq = jq.compile(".id").input_text(answer.text).all()
    assert found_by_jq == identifiers
    with duckdb.connect() as database:
        found = database.execute("SELECT id FROM read_json(?, format = 'newline_delimited')", [str(path)]).fetchall()
    assert [each for (each,) in found] == identifiers
    assert list(pd.read_json(path, lines=True)["id"]) == identifiers


# --- GeoJSON ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def mapped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mapped")
    whole = archive(
        record("plc-1", latitude=55.74375, longitude=37.584, radius_m=3000),
        record("plc-2", part_of="plc-1"),
        record("plc-3", latitude=-89.5, longitude=-180, radius_m=0.5),
        record("evt-1", place="plc-1"),
        record("evt-2", place="plc-2"),
        record("evt-3"),
        record("evt-4", place="plc-3", title='a "quoted" title'),
    )
    publish(write(folder / "archive.json", whole), folder / "data")
    return folder / "data"


def test_geojson_is_read_by_shapely(mapped: Path, serve: Serve) -> None:
    client = serve(mapped)
    for collection, expected in {
        "places": {"plc-1": (37.584, 55.74375, 3000), "plc-3": (-180, -89.5, 0.5)},
        "events": {"evt-1": (37.584, 55.74375, 3000), "evt-4": (-180, -89.5, 0.5)},
    }.items():
        answer = client.get(f"/v1/{collection}?format=geojson")
        features = answer.json()["features"]
        found = {}
        for feature in features:
            point = shape(feature["geometry"])
            found[feature["id"]] = (point.x, point.y, feature["properties"]["radius_m"])
            document = client.get(f"/v1/{collection}/{feature['id']}").json()
            claimed: Fields = {"claimed_by": []} if collection == "events" else {}
            assert feature["properties"] == document | claimed | {"radius_m": found[feature["id"]][2]}
        assert found == expected
        assert len(shapely.from_geojson(answer.text).geoms) == len(expected)
        assert answer.headers["archive-total"] == str(len(expected))
        total = client.get(f"/v1/{collection}").json()["meta"]["total"]
        assert int(answer.headers["archive-omitted"]) == total - len(expected)


def test_a_point_is_never_without_its_uncertainty(mapped: Path, serve: Serve) -> None:
    client = serve(mapped)
    for path in ("/v1/events?format=geojson&fields=title", "/v1/places?format=geojson&fields=name"):
        for feature in client.get(path).json()["features"]:
            assert set(feature["properties"]) - {"claimed_by"} in ({"title", "radius_m"}, {"name", "radius_m"})
            assert feature["properties"]["radius_m"] is not None
            assert feature["id"]


def test_a_map_takes_the_filters_of_the_list(mapped: Path, serve: Serve) -> None:
    client = serve(mapped)
    answer = client.get("/v1/events?format=geojson&place=plc-1&sort=-id")
    assert [feature["id"] for feature in answer.json()["features"]] == ["evt-1"]
    assert (answer.headers["archive-omitted"], answer.json()["omitted"]) == ("1", 1)
    assert client.get("/v1/events?format=geojson&undated=true").json()["features"] == []


# --- Every format -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("collection", "name"), EVERY)
def test_compressed_or_not_it_is_the_same(client: httpx.Client, collection: str, name: str) -> None:
    path = f"/v1/{collection}?format={name}"
    plain = client.get(path, headers={"Accept-Encoding": "identity"})
    with client.stream("GET", path, headers={"Accept-Encoding": "gzip"}) as zipped:
        raw = b"".join(zipped.iter_raw())
    assert gzip.decompress(raw) == plain.content
    assert zipped.headers["etag"] != plain.headers["etag"]
    again = client.get(path, headers={"Accept-Encoding": "identity", "If-None-Match": plain.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_one_address_in_two_formats_has_two_etags(client: httpx.Client) -> None:
    tags = {client.get("/v1/events", headers={"Accept": each.media_type}).headers["etag"] for each in FORMATS.values()}
    assert len(tags) == len(FORMATS)


@pytest.mark.parametrize("path", ["/v1/events?format=csv", "/v1/events?format=geojson", "/v1/archive"])
def test_head_has_the_headers_and_makes_nothing(client: httpx.Client, path: str) -> None:
    head, whole = client.head(path), client.get(path)
    ignored = {"date", "transfer-encoding"}
    assert {name: value for name, value in head.headers.items() if name not in ignored} == {
        name: value for name, value in whole.headers.items() if name not in ignored
    }
    assert head.content == b""


UNSHRUNK = (Phase.explicit, Phase.reuse, Phase.generate)


@settings(
    max_examples=10 * TIMES,
    deadline=None,
    phases=UNSHRUNK,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(random_archives(), st.data())
def test_a_whole_list_is_what_a_walk_through_its_pages_finds(whole: Fields, data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        publish(write(Path(folder) / "archive.json", whole), Path(folder) / "data")
        release = open_current(Path(folder) / "data")
        catalogue = Catalogue(release)
        for collection, model in CRITERIA.items():
            for _ in range(4):
                sorts = [sort for sort in get_args(model.model_fields["sort"].annotation) if sort != "relevance"]
                pairs = [("sort", data.draw(st.sampled_from(sorts)))]
                pairs += data.draw(st.lists(filters(whole, collection), max_size=2, unique_by=lambda pair: pair[0]))
                criteria = read_criteria(model, pairs)
                expected = list_walk(catalogue, collection, pairs)
                for size in (1, 3, 200):
                    batches = list(catalogue.batches(catalogue.look_up(criteria), size=size))
                    assert all(len(batch) == size for batch in batches[:-1])
                    assert [json.loads(each)["id"] for batch in batches for each in batch] == expected
                export = Export(catalogue, criteria, "http://x")
                for name, chosen in formats_of(model).items():
                    if chosen.writer is None:
                        continue
                    listing = catalogue.look_up(criteria)
                    mapped = catalogue.on_map(listing) if chosen.on_map else listing
                    text = b"".join(written(chosen.writer(export), catalogue, mapped, place=bytes)).decode()
                    if name == "geojson":
                        drawn = [feature["id"] for feature in json.loads(text)["features"]]
                        assert drawn == [name for each in expected for name in features_of(whole, each)]
                        found = list(dict.fromkeys(name.partition("/")[0] for name in drawn))
                    elif name == "csv":
                        found = [row["id"] for row in rows(text)]
                        assert found == expected
                    else:
                        found = [json.loads(line)["id"] for line in text.splitlines()]
                        assert found == expected
                    assert catalogue.total(mapped) == len(found)
        release.close()


def list_walk(catalogue: Catalogue, collection: str, pairs: list[tuple[str, str]]) -> list[str]:
    model = CRITERIA[collection]
    page = catalogue.page(catalogue.look_up(read_criteria(model, [*pairs, ("limit", "5")])))
    found = [*page.documents]
    while page.next is not None:
        more = [*pairs, ("limit", "5"), ("cursor", page.next)]
        page = catalogue.page(catalogue.look_up(read_criteria(model, more)))
        found += page.documents
    return [json.loads(document)["id"] for document in found]


def filters(whole: Fields, collection: str) -> st.SearchStrategy[tuple[str, str]]:
    choices = [("topic", each["id"]) for each in whole["topics"]] + [("place", each["id"]) for each in whole["places"]]
    choices += [("source", "src-1"), ("updated_since", "2020-01-01")]
    if collection == "events":
        choices += [("undated", "true"), ("undated", "false"), ("bbox", "-10,-90,40,90"), ("date_from", "2021-01-01")]
    return st.sampled_from(choices)


def features_of(whole: Fields, record_id: str) -> list[str]:
    """Return the names of the features that a record has: one for each of its places that has a point."""
    on_map = {each["id"] for each in whole["places"] if each.get("latitude") is not None}
    if not record_id.startswith("evt-"):
        return [record_id] if record_id in on_map else []
    own, *claimed = said_of(next(each for each in whole["events"] if each["id"] == record_id), "place")
    others = [place for place in dict.fromkeys(claimed) if place in on_map and place != own]
    return [*([record_id] if own in on_map else []), *(f"{record_id}/{place}" for place in others)]


# --- With a query -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sort", ["", "&sort=-title", "&sort=date"])
def test_a_whole_list_that_a_query_finds(client: httpx.Client, sort: str) -> None:
    asked = f"q=metro&type=detention&type=other&type=deployment{sort}"
    shown = walk(client, f"/v1/events?{asked if sort else asked + '&sort=id'}")
    assert len(shown) > 2
    answer = client.get(f"/v1/events?{asked}&format=ndjson")
    assert answer.headers["archive-total"] == str(len(shown))
    assert [json.loads(line) for line in answer.text.splitlines()] == shown
    mapped = client.get(f"/v1/events?{asked}&format=geojson")
    assert (mapped.headers["archive-total"], mapped.headers["archive-omitted"]) == ("0", str(len(shown)))


def test_facets_are_for_pages(client: httpx.Client) -> None:
    [error] = client.get("/v1/events?format=csv&facets=type").json()["errors"]
    assert error["parameter"] == "facets"
