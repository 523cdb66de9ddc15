"""The rules of the format: a corpus of small archives, one mistake each, and what no table of files can say.

A file of the corpus is named after the one code that it gives; `good` gives none and uses every field.
"""

import json
import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.archive.checks import RULES, ArchiveInvalid, Report, check_archive
from service.archive.checks.ledger import Ledger, Rows
from service.archive.checks.report import MAX_FINDINGS
from service.archive.checks.rules import NOTES
from service.archive.evidence import sha256_of
from service.archive.identifiers import PLURALS
from service.archive.model import RECORD_MODELS, ArchiveFile, Part, Record, Withdrawn
from service.archive.reading import Finding
from service.archive.vocabularies import ResponseKind
from service.errors import ArchiveUnreadable, TestimonyArchiveError
from tests.archives import TIMES

CORPUS = Path(__file__).parent / "corpus"
TODAY = date(2024, 6, 1)
SEED = Path(__file__).parents[2] / "seed" / "archive.json"

#: The codes as the design lists them: who reads reports relies on their spelling.
CODES = """
    invalid_json unsupported_format unknown_field missing_field invalid_type invalid_value invalid_id
    duplicate_id dangling_reference wrong_reference_type reference_cycle chain_too_long
    duplicate_term unknown_term unknown_vocabulary name_taken missing_evidence invalid_date
    reversed_interval missing_date_note passage_out_of_range invalid_hash verbatim_not_permitted
    quote_mismatch invalid_bounds qualifier_mismatch missing_base unsupported_bounds unsupported_status missing_response
    protected_name_present identifying_detail visibility_conflict deanonymising_anchor invalid_embargo missing_consent missing_referral
    invalid_language invalid_rights invalid_coordinates id_withdrawn source_changed segment_changed unannounced_removal
    source_hash_mismatch passage_hash_mismatch source_text_in_summary
    unsafe_path missing_file file_mismatch media_type_mismatch
    contact_without_address single_source invalid_table unknown_table repeated_column ambiguous_label
    unknown_table_left_out decimal_comma merged_cells hidden_sheet formulas formula_without_value number_as_text active_content
    citation_without_passage
""".split()

#: Codes that a file alone cannot give: they take the current release, or a copy of a source. Tested below.
NOT_IN_A_FILE = {
    "source_changed",
    "segment_changed",
    "unannounced_removal",
    "source_hash_mismatch",
    "source_text_in_summary",
}
#: Codes of archives that are kept as tables, tested in test_tables.py.
OF_TABLES = {
    "invalid_table",
    "unknown_table",
    "repeated_column",
    "ambiguous_label",
    "unknown_table_left_out",
    "decimal_comma",
    "merged_cells",
    "hidden_sheet",
    "formulas",
    "formula_without_value",
    "number_as_text",
    "active_content",
}

JSON = dict[str, Any]


def corpus(pattern: str = "*") -> list[Path]:
    return sorted(CORPUS.glob(f"{pattern}.json*"))


def check(path: Path, **more: Any) -> Report:
    """Check an archive, wherever it is, with the files of the corpus beside it."""
    return check_archive(path, today=TODAY, **{"folder": CORPUS, **more})


def codes(report: Report) -> list[str]:
    return [finding.code for finding in report.findings]


def good() -> JSON:
    archive: JSON = json.loads((CORPUS / "good.json").read_bytes())
    return archive


@pytest.fixture
def check_json(tmp_path: Path) -> Callable[..., Report]:
    """Check an archive made of Python values."""

    def check_values(archive: JSON, **more: Any) -> Report:
        path = tmp_path / "archive.json"
        path.write_text(json.dumps(archive))
        return check(path, **more)

    return check_values


# --- The corpus ---------------------------------------------------------------------------------------------


def test_the_codes_are_those_of_the_design() -> None:
    assert list(RULES) == CODES
    assert all(meaning.endswith(".") for meaning in RULES.values())


@pytest.mark.parametrize("path", corpus("[!g]*"), ids=lambda path: path.name)
def test_a_file_with_one_mistake_gives_its_code_and_no_other(path: Path) -> None:
    report = check(path)
    assert codes(report) == [path.stem.split("-")[0]]
    assert not report.ok
    assert not report.more


@pytest.mark.parametrize("path", corpus("notes/*"), ids=lambda path: path.name)
def test_a_note_is_told_and_stops_nothing(path: Path) -> None:
    report = check(path)
    assert [note.code for note in report.notes] == [path.stem.split("-")[0]]
    assert report.findings == []
    assert report.ok


def test_every_code_has_a_file() -> None:
    assert {path.stem.split("-")[0] for path in corpus("[!g]*")} == set(CODES) - NOT_IN_A_FILE - NOTES - OF_TABLES
    assert {path.stem.split("-")[0] for path in corpus("notes/*")} == NOTES - OF_TABLES


def test_notes_are_bounded_apart_from_errors(check_json: Callable[..., Report]) -> None:
    archive = good()
    testimony = archive["testimonies"][1]
    archive["testimonies"] = [{**testimony, "id": f"tes-{number}"} for number in range(MAX_FINDINGS + 1)]
    archive["places"].append({"id": "plc-last", "kind": "city"})
    archive["responses"][0]["about"] = ["evt-stop"]
    report = check_json(archive)
    assert "missing_field" in codes(report)
    assert (len(report.notes), report.more_notes, report.more) == (MAX_FINDINGS, True, False)


def test_no_note_asks_for_a_passage_that_would_unmask(check_json: Callable[..., Report]) -> None:
    archive = good()
    archive["testimonies"][0]["citations"] = [{"source": "src-hearing"}]
    del archive["testimonies"][0]["transcript"]
    noted = {(note.code, note.pointer) for note in check_json(archive).notes}
    assert ("single_source", "/testimonies/0/citations") in noted
    assert ("citation_without_passage", "/testimonies/0/citations/0") not in noted
    assert ("citation_without_passage", "/statistics/0/citations/0") in noted


@pytest.mark.parametrize("path", [*corpus("good"), SEED], ids=lambda path: path.name)
def test_a_good_archive_gives_nothing(path: Path) -> None:
    report = check(path)
    assert report.findings == []
    assert report.ok
    assert report.head is not None


def test_the_good_archive_uses_every_field() -> None:
    unused: dict[tuple[str, str], bool] = {}

    def look(model: type[Part], value: JSON) -> None:
        for name, field in model.model_fields.items():
            stated = value.get(name)
            key = (model.__name__, name)
            unused[key] = unused.get(key, True) and stated is None
            inner = list(stated.values()) if name in ("translations", "vocabularies", "fields") and stated else stated
            if name == "fields" and inner:
                inner = [each for those in inner for each in those]
            for part in parts(field.annotation):
                for entry in inner if isinstance(inner, list) else [inner or {}]:
                    look(part, entry)

    look(ArchiveFile, good())
    assert [key for key, is_unused in unused.items() if is_unused] == []


def parts(annotation: object) -> Iterator[type[Part]]:
    """Yield the models that an annotation is made of."""
    if isinstance(annotation, type) and issubclass(annotation, Part):
        yield annotation
    for inner in get_args(annotation):
        yield from parts(inner)


def test_both_forms_of_the_good_archive_hold_the_same() -> None:
    taken: dict[str, list[Record | Withdrawn]] = {"good.json": [], "good.jsonl": []}
    reports = [check(CORPUS / name, accept=into.append) for name, into in taken.items()]
    # Notes point into the file, whose forms differ.
    notes = [sorted(note.code for note in report.notes) for report in reports]
    assert notes[0] == notes[1]
    assert replace(reports[0], notes=()) == replace(reports[1], notes=())
    assert taken["good.json"] == taken["good.jsonl"]
    assert reports[0].counts == {kind: len(good()[plural]) for kind, plural in PLURALS.items()}
    assert len(taken["good.json"]) == sum(reports[0].counts.values()) + len(good()["withdrawn"])


def test_the_pointer_of_a_line_ends_inside_it(tmp_path: Path) -> None:
    path = tmp_path / "archive.jsonl"
    lines = (CORPUS / "good.jsonl").read_text().splitlines()
    number = next(number for number, line in enumerate(lines) if '"tes-choir"' in line)
    lines[number] = lines[number].replace('"source": "src-hearing"', '"source": "src-nowhere"')
    path.write_text("\n".join(lines))
    (finding,) = check(path).findings
    assert finding.pointer == f"line {number + 1} /citations/0/source"


# --- What a report says -------------------------------------------------------------------------------------


def test_every_finding_is_told_in_the_order_of_the_file(check_json: Callable[..., Report]) -> None:
    archive = good()
    archive["withdrawn"] *= 2
    archive["agents"][1]["name"] = "Somebody"
    archive["testimonies"][0]["witness"] = "agt-nobody"
    archive["events"][0]["citations"] = []
    archive["sources"][1]["colour"] = "red"
    report = check_json(archive)
    assert [(finding.code, finding.pointer) for finding in report.findings] == [
        ("unknown_field", "/sources/1/colour"),
        ("protected_name_present", "/agents/1/name"),
        ("missing_evidence", "/events/0/citations"),
        ("dangling_reference", "/testimonies/0/witness"),
        ("duplicate_id", "/withdrawn/1/id"),
    ]


@pytest.mark.parametrize(("count", "more"), [(MAX_FINDINGS, False), (MAX_FINDINGS + 1, True)])
def test_a_report_is_bounded(check_json: Callable[..., Report], count: int, *, more: bool) -> None:
    archive = good()
    archive["places"] += [{"id": "plc-last", "name": "Arden"}] * count
    report = check_json(archive)
    assert set(codes(report)) == {"missing_field"}
    assert (len(report.findings), report.more) == (MAX_FINDINGS, True)
    assert report.counts["place"] == count + 2
    archive["places"] = good()["places"] + [{"id": "plc-last", "kind": "city", "name": "Arden"}] * (count + 1)
    report = check_json(archive)
    assert set(codes(report)) == {"duplicate_id"}
    assert (len(report.findings), report.more) == (MAX_FINDINGS, more)


def test_a_record_that_is_not_valid_is_there_all_the_same(check_json: Callable[..., Report]) -> None:
    archive = good()
    for records in (
        "sources",
        "agents",
        "places",
        "topics",
        "events",
        "testimonies",
        "statistics",
        "responses",
    ):
        for record in archive[records]:
            record["colour"] = "red"
    assert set(codes(check_json(archive))) == {"unknown_field"}


def test_what_is_no_identifier_is_not_repeated(check_json: Callable[..., Report]) -> None:
    archive = good()
    archive["places"] += [{"id": SECRET, "name": "Arden", "kind": "city"}] * 2
    report = check_json(archive)
    assert codes(report) == ["invalid_id"] * 2
    assert not any(SECRET in finding.detail for finding in report.findings)


def test_what_could_not_be_read_is_not_called_missing(tmp_path: Path) -> None:
    path = tmp_path / "archive.json"
    path.write_text((CORPUS / "good.json").read_text()[:4000])
    assert codes(check(path, predecessor=Current(public=["tes-passenger"]))) == ["invalid_json"]


def test_only_what_is_valid_by_itself_is_accepted(check_json: Callable[..., Report]) -> None:
    archive = good()
    archive["places"] = [
        {"id": "plc-arden", "name": "Arden"},
        7,
        {"id": "plc-north-gate", "name": "G", "kind": "site"},
    ]
    taken: list[Record | Withdrawn] = []
    check_json(archive, accept=taken.append)
    assert [record.id for record in taken if record.id.startswith("plc-")] == ["plc-north-gate"]


def test_archive_invalid_says_how_many() -> None:
    report = check(CORPUS / "invalid_id.json")
    error = ArchiveInvalid(report)
    assert isinstance(error, TestimonyArchiveError)
    assert error.report is report
    assert "1" in str(error)


def test_progress_is_told() -> None:
    told: list[int] = []
    check(CORPUS / "good.json", progress=told.append)
    assert told[-1] == (CORPUS / "good.json").stat().st_size


# --- Rules that take more than one file ---------------------------------------------------------------------


def test_an_embargo_ends_on_its_day() -> None:
    path = CORPUS / "visibility_conflict-embargo.json"
    assert codes(check_archive(path, today=date(2024, 6, 1))) == ["visibility_conflict"]
    assert codes(check_archive(path, today=date(2024, 6, 2))) == []


@pytest.mark.parametrize("kind", get_args(ResponseKind))
def test_only_an_admission_about_the_event_supports_admitted(check_json: Callable[..., Report], kind: str) -> None:
    archive = json.loads((CORPUS / "unsupported_status.json").read_bytes())
    archive["events"][0]["acts"][0]["status"] = "admitted"
    archive["responses"][0]["kind"] = kind
    if kind == "referred":
        archive["responses"][0]["referred_to"] = "agt-office"
    assert codes(check_json(archive)) == ([] if kind == "admitted" else ["unsupported_status"])


def finding(outcome: str, day: str | None = None) -> JSON:
    return {"body": "agt-office", "outcome": outcome, "date": day, "citations": [{"source": "src-report"}]}


@pytest.mark.parametrize(
    ("findings", "statuses"),
    [
        ([], {"alleged", "reported"}),
        ([finding("established")], {"alleged", "reported", "established"}),
        ([finding("established", "2020"), finding("upheld", "2021")], {"alleged", "reported", "established"}),
        ([finding("established", "2020"), finding("annulled", "2021")], {"rejected"}),
        ([finding("annulled", "2021"), finding("established", "2020")], {"rejected"}),
        ([finding("not_established", "2021-05"), finding("established", "2021-XX-XX")], {"alleged", "reported", "established"}),
        ([finding("established"), finding("acquitted")], {"rejected"}),
        ([finding("established", "2020"), finding("annulled")], {"rejected"}),
        ([finding("annulled", "2020"), finding("established", "2020")], {"alleged", "reported", "established"}),
    ],
)  # fmt: skip
def test_the_latest_finding_decides_what_an_act_may_be_called(
    check_json: Callable[..., Report], findings: list[JSON], statuses: set[str]
) -> None:
    archive = json.loads((CORPUS / "unsupported_status.json").read_bytes())
    archive["sources"][0]["publisher"] = "agt-office"
    act = archive["events"][0]["acts"][0]
    act["findings"] = findings
    fitting = set()
    for status in ("alleged", "reported", "established", "rejected"):
        act["status"] = status
        found = codes(check_json(archive))
        assert set(found) <= {"unsupported_status"}
        if not found:
            fitting.add(status)
    assert fitting == statuses


@pytest.mark.parametrize(
    ("about", "expected"),
    [(["evt-part"], []), (["evt-whole"], []), (["evt-other"], ["missing_response"]), ([], ["missing_response"])],
)
def test_an_answer_about_the_whole_is_one_about_its_parts(
    check_json: Callable[..., Report], about: list[str], expected: list[str]
) -> None:
    archive = json.loads((CORPUS / "missing_response.json").read_bytes())
    part = archive["events"][0] | {"id": "evt-part", "part_of": "evt-middle"}
    bare = {key: value for key, value in archive["events"][0].items() if key != "acts"}
    others = [
        bare | {"id": "evt-middle", "part_of": "evt-whole"},
        bare | {"id": "evt-whole"},
        bare | {"id": "evt-other"},
    ]
    archive["events"] = [part, *others]
    cited = [{"source": "src-report"}]
    archive["responses"] = [
        {"id": "rsp-one", "party": "agt-office", "kind": "denied", "about": about, "citations": cited}
    ]
    assert codes(check_json(archive)) == expected


@pytest.mark.parametrize(
    ("last_parent", "cycles"),
    [("plc-none", []), ("plc-7", [(7, "/places/7/part_of", "plc-7")])],
)
def test_a_cycle_is_told_once_however_long(last_parent: str, cycles: list[tuple[int, str, str]]) -> None:
    last = 100_000
    rows = Rows()
    for number in range(last + 1):
        parent = f"plc-{number + 1}" if number < last else last_parent
        rows.add("record", number, f"plc-{number}", f"/places/{number}", False, False)
        rows.add("parent", f"plc-{number}", number, "/part_of", parent, 0)
    with closing(Ledger()) as ledger:
        ledger.add(rows)
        ledger.index()
        assert list(ledger.cycles()) == cycles


# --- Against the current release ----------------------------------------------------------------------------


@dataclass
class Current:
    """A release, as far as the checks ask."""

    withdrawn: list[str] | tuple[()] = ()
    public: list[str] | tuple[()] = ()
    hashes: list[tuple[str, str]] | tuple[()] = ()
    names: list[tuple[str, str]] | tuple[()] = ()
    texts: list[tuple[str, str]] | tuple[()] = ()
    said: list[tuple[str, dict[str, str | None]]] | tuple[()] = ()

    def names_of(self, agents: Iterable[str]) -> Iterator[tuple[str, str]]:
        asked = set(agents)
        yield from (pair for pair in self.names if pair[0] in asked)

    def withdrawn_ids(self) -> Iterator[str]:
        yield from self.withdrawn

    def public_ids(self) -> Iterator[str]:
        yield from self.public

    def source_hashes(self) -> Iterator[tuple[str, str]]:
        yield from self.hashes

    def source_content(self, source: str) -> str | None:
        return dict(self.texts).get(source)

    def transcripts(self) -> Iterator[tuple[str, dict[str, str | None]]]:
        yield from self.said


SAME_HASH: str = good()["sources"][0]["text"]["sha256"]


@pytest.mark.parametrize(
    ("current", "expected"),
    [
        pytest.param(Current(), [], id="empty"),
        pytest.param(Current(public=["tes-passenger", "src-notes"]), [], id="still here, hidden or not"),
        pytest.param(Current(public=["tes-gone"]), [], id="withdrawn now"),
        pytest.param(Current(withdrawn=["tes-gone"]), [], id="withdrawn before"),
        pytest.param(Current(withdrawn=["tes-long-gone"]), [], id="withdrawn before, no longer listed"),
        pytest.param(
            Current(withdrawn=["agt-choir"]),
            [Finding("id_withdrawn", "/agents/4/id", "`agt-choir` was withdrawn, and is never used again.")],
            id="used again",
        ),
        pytest.param(
            Current(public=["tes-missing", "agt-choir"]),
            [
                Finding(
                    "unannounced_removal",
                    "",
                    "`tes-missing` is in the current release, but neither here nor in `withdrawn`.",
                )
            ],
            id="gone without a word",
        ),
        pytest.param(Current(hashes=[("src-hearing", SAME_HASH), ("src-film", "0" * 64)]), [], id="same text"),
        pytest.param(
            Current(hashes=[("src-hearing", "0" * 64)]),
            [
                Finding(
                    "source_changed",
                    "/sources/0/text/sha256",
                    "The text of `src-hearing` is not that of the current release: "
                    "give a changed text a source of its own.",
                )
            ],
            id="another text",
        ),
    ],
)
def test_against_the_current_release(current: Current, expected: list[Finding]) -> None:
    assert check(CORPUS / "good.json", predecessor=current).findings == expected


# --- With copies of sources ---------------------------------------------------------------------------------

WORDS = "The clerk wrote down every name in a green book, and then closed it."


def with_copy(check_json: Callable[..., Report], tmp_path: Path, archive: JSON, *, text: str = WORDS) -> Report:
    copy = tmp_path / "copy.txt"
    copy.write_bytes(text.encode())
    return check_json(archive, sources={"src-notes": copy})


def archive_of(text: str = WORDS, **testimony: object) -> JSON:
    archive = good()
    source = archive["sources"][2]
    source["text"] = {"length": len(text), "bytes": len(text.encode()), "sha256": sha256_of(text)}
    del source["access"]
    archive["testimonies"][2].update(testimony)
    return archive


def test_a_true_copy_gives_nothing(check_json: Callable[..., Report], tmp_path: Path) -> None:
    cited = {"source": "src-notes", "start": 4, "end": 9, "sha256": sha256_of("clerk")}
    assert codes(with_copy(check_json, tmp_path, archive_of(citations=[cited]))) == []


@pytest.mark.parametrize("copy", [WORDS + "\n", WORDS.replace("\u0065", "\u00e9", 1), "", "\ufeff" + WORDS])
def test_another_copy_is_one_finding(check_json: Callable[..., Report], tmp_path: Path, copy: str) -> None:
    cited = {"source": "src-notes", "start": 4, "end": 9, "sha256": "0" * 64}
    report = with_copy(check_json, tmp_path, archive_of(citations=[cited]), text=copy)
    assert [(found.code, found.pointer) for found in report.findings] == [("source_hash_mismatch", "/sources/2/text")]


def test_a_passage_is_compared_with_the_copy(check_json: Callable[..., Report], tmp_path: Path) -> None:
    text = "𝔄é" + WORDS
    right = {"source": "src-notes", "start": 1, "end": 5, "sha256": sha256_of("éThe")}
    wrong = {**right, "end": 6}
    report = with_copy(check_json, tmp_path, archive_of(text, citations=[right, wrong]), text=text)
    assert [(found.code, found.pointer) for found in report.findings] == [
        ("passage_hash_mismatch", "/testimonies/2/citations/1/sha256")
    ]


@pytest.mark.parametrize(
    ("testimony", "pointers"),
    [
        ({"summary": "So it was: the clerk wrote – DOWN every name_in a book."}, ["/testimonies/2/summary"]),
        ({"summary": "The clerk wrote down every name in another book."}, []),
        ({"translations": {"fr": {"title": WORDS}}}, ["/testimonies/2/translations/fr/title"]),
        ({"content_warnings": ["names", WORDS]}, ["/testimonies/2/content_warnings/1"]),
        ({"citations": [{"source": "src-notes", "note": WORDS}]}, ["/testimonies/2/citations/0/note"]),
        ({"access": {"visibility": "restricted", "private": {"note": WORDS}}}, []),
    ],
)
def test_words_of_a_source_are_found_in_ours(
    check_json: Callable[..., Report], tmp_path: Path, testimony: JSON, pointers: list[str]
) -> None:
    report = with_copy(check_json, tmp_path, archive_of(**testimony))
    expected = [("source_text_in_summary", pointer) for pointer in pointers]
    assert [(found.code, found.pointer) for found in report.findings] == expected
    assert not any("green" in found.detail for found in report.findings)


def test_words_of_a_verbatim_source_may_be_used(check_json: Callable[..., Report], tmp_path: Path) -> None:
    archive = archive_of(summary=WORDS)
    archive["sources"][2]["verbatim"] = True
    assert codes(with_copy(check_json, tmp_path, archive)) == []


def test_a_title_of_a_source_may_stand_in_its_text(check_json: Callable[..., Report], tmp_path: Path) -> None:
    archive = archive_of()
    archive["sources"][2]["title"] = WORDS
    assert codes(with_copy(check_json, tmp_path, archive)) == []


def test_a_copy_of_an_unknown_source_is_told(tmp_path: Path) -> None:
    copy = tmp_path / "copy.txt"
    copy.write_text(WORDS)
    (finding,) = check(CORPUS / "good.json", sources={"src-nowhere": copy}).findings
    assert (finding.code, finding.pointer) == ("dangling_reference", "")


@pytest.mark.parametrize("content", [None, b"caf\xe9"])
def test_a_copy_that_cannot_be_read_is_refused(tmp_path: Path, content: bytes | None) -> None:
    copy = tmp_path / "copy.txt"
    if content is not None:
        copy.write_bytes(content)
    with pytest.raises(ArchiveUnreadable):
        check(CORPUS / "good.json", sources={"src-film": copy})


# --- What never happens -------------------------------------------------------------------------------------

SECRET = "Maria Secret"
MUTANTS: st.SearchStrategy[Any] = st.sampled_from(
    [
        None,
        True,
        0,
        -1,
        2.5,
        2**53,
        2**70,
        "",
        SECRET,
        f"agt-{SECRET}",
        "\x00",
        "agt-nobody",
        "2021-13",
        "..",
        [],
        {},
    ]
) | st.builds(lambda value: [value], st.sampled_from([None, SECRET, "evt-night", "src-film"]))


def places_in(value: object) -> Iterator[tuple[Any, Any]]:
    """Yield every place in JSON: the object or list, and the key or index."""
    entries: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        entries = list(value.items())
    elif isinstance(value, list):
        entries = list(enumerate(value))
    for key, inner in entries:
        yield value, key
        yield from places_in(inner)


@settings(max_examples=150 * TIMES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_archive_breaks_the_check_or_is_repeated(check_json: Callable[..., Report], data: st.DataObject) -> None:
    archive = good()
    for _ in range(data.draw(st.integers(1, 3))):
        all_places = list(places_in(archive))
        container, key = data.draw(st.sampled_from(all_places))
        how = data.draw(st.sampled_from(["replace", "remove", "repeat", "move"]))
        if how == "remove":
            del container[key]
        elif how == "repeat" and isinstance(container, list):
            container.append(container[key])
        elif how == "move":
            other, other_key = data.draw(st.sampled_from(all_places))
            container[key] = json.loads(json.dumps(other[other_key]))
        else:
            container[key] = data.draw(MUTANTS)
    report = check_json(archive)
    assert set(codes(report)) <= set(RULES)
    for finding in report.findings:
        assert SECRET not in finding.detail
        assert "Input should" not in finding.detail
        assert finding.detail.endswith((".", "?"))


@pytest.mark.parametrize("kind", [kind for kind in RECORD_MODELS if kind != "source"])
def test_no_text_of_a_record_is_repeated(check_json: Callable[..., Report], kind: str) -> None:
    archive = good()
    for record in archive[PLURALS[kind]]:  # type: ignore[index]
        record.update(dict.fromkeys(record.keys() - {"id"}, SECRET))
        record["access"] = {"visibility": SECRET, "private": {"name": SECRET}}
    report = check_json(archive)
    assert not report.ok
    assert not any(SECRET in finding.detail for finding in report.findings)


def test_memory_does_not_grow_with_the_archive(tmp_path: Path) -> None:
    def peak(count: int) -> int:
        path = tmp_path / f"{count}.jsonl"
        lines = (CORPUS / "good.jsonl").read_text().splitlines()
        cited = [{"source": "src-film", "time": [1, 2]}]
        records = (
            {
                "record": "response",
                "id": f"rsp-{i}",
                "party": "agt-choir",
                "kind": "denied",
                "citations": cited,
            }
            for i in range(count)
        )
        path.write_text("\n".join([*lines, *map(json.dumps, records)]))
        tracemalloc.start()
        try:
            assert check(path).ok
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(1_000)  # fills caches, and the tuples that Python keeps for the next use
    assert peak(8_000) < 1.2 * peak(2_000)  # both fill a batch of rows


@pytest.mark.parametrize(
    ("levels", "expected"), [(64, []), (65, ["/topics/65/broader"]), (8000, ["/topics/65/broader"])]
)
def test_a_chain_may_have_64_levels(check_json: Callable[..., Report], levels: int, expected: list[str]) -> None:
    archive = good()
    archive["topics"] = [
        {"id": f"top-{number}", "label": "One", **({"broader": f"top-{number - 1}"} if number else {})}
        for number in range(levels + 1)
    ]
    archive["events"], archive["testimonies"], archive["statistics"], archive["responses"] = [], [], [], []
    assert [found.pointer for found in check_json(archive).findings] == expected


@pytest.mark.parametrize(
    "access",
    [
        {SECRET: 1},
        {"visibility": SECRET},
        {"visibility": {SECRET: 1}},
        {"embargo_until": SECRET, "visibility": "embargoed"},
        {"embargo_until": "1987-13-45", "visibility": "embargoed"},
        {"consent_basis": [SECRET]},
        {"consent": SECRET},
        {"consent": {SECRET: 1}},
        {"consent": {"scope": [SECRET]}},
        {"consent": {"expires": "1987-13-45"}},
        {"consent": {"expires": "2987-01-01", "given": "2987-01-01"}},
        {"consent": {"reference": {SECRET: SECRET}}},
        SECRET,
    ],
)
def test_nothing_inside_access_is_repeated(check_json: Callable[..., Report], access: object) -> None:
    archive = good()
    archive["places"][0]["access"] = access
    report = check_json(archive)
    assert len(report.findings) == 1
    for found in report.findings:
        assert found.pointer.startswith("/places/0/access")
        assert SECRET not in found.pointer + found.detail
        assert "1987" not in found.detail
