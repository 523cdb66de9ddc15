"""What is hidden cannot be inferred: the release, and every answer of a server, are the same to the byte with the hidden
records and without them. So are counts, facets, suggestions, links, cursors, headers, sizes and the work to be done.
"""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, get_args

import pytest

from service.archive.checks import check_archive
from service.archive.identifiers import PLURALS, PREFIXES, TYPE_OF_PREFIX, RecordType, RefersTo
from service.archive.model import RECORD_MODELS, Part
from service.release.publish import Published, publish
from tests.archives import Fields, archive, record, write
from tests.conftest import Serve
from tests.safety.asking import Question, ask_all, wire
from tests.safety.canaries import OWN, canaries, one_of_each, visible

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
ACCESS: dict[str, Fields] = {
    "restricted": {"visibility": "restricted"},
    "embargoed": {"visibility": "embargoed", "embargo_until": "2026-03-05"},
    "expired": {"consent_basis": "direct", "consent": {"scope": ["publish"], "expires": "2026-03-04"}},
}


def base() -> list[Fields]:
    """Return what is public: people, places, topics and events that hidden records refer to, too."""
    return [
        record("agt-2", kind="person", name_policy="published", name="Mara"),
        record("agt-3", kind="person", name_policy="withheld", name=None, label="A resident"),
        record("plc-1", name="Arden", latitude=48.5, longitude=2.25, radius_m=500, country="FR"),
        record("plc-2", name="North gate", part_of="plc-1"),
        record("top-1"),
        record("top-2", label="Night", broader="top-1"),
        record("src-2", verbatim=True, title="A film"),
        record("evt-1", place="plc-2", topics=["top-2"], participants=[{"agent": "agt-2", "role": "present"}]),
        record("evt-2", date="2021", part_of="evt-1"),
        record("tes-1", witness="agt-2", events=["evt-1"], topics=["top-1"], place="plc-1"),
        record("tes-5", witness="agt-3", title="Another night"),
        record("sta-1", place="plc-1", topics=["top-2"]),
        record("rsp-1", about=["evt-1"]),
    ]


def hidden_ones(access: Fields) -> dict[str, list[Fields]]:
    """Return hidden records by what somebody may want to infer of them; they come between, before and after the others."""
    said = {"access": {**access, "private": "why"}}
    act = {"type": "threat", "actor": "agt-1", "victim": "agt-2", "status": "alleged", "asserted_by": "agt-2"}
    acts = [{**act, "citations": [{"source": "src-2"}]}]
    return {
        "a testimony of a public witness": [
            record("tes-3", witness="agt-2", events=["evt-1"], topics=["top-2"], **said)
        ],
        "an event in a public place": [
            record("evt-0", place="plc-2", topics=["top-1"], date="2019-03", acts=acts, **said),
            record("rsp-2", kind="not_stated", about=["evt-0"], **said),
        ],
        "a part of a public event": [record("evt-15", part_of="evt-1", type="killing", **said)],
        "a figure that a public party stated": [
            record("sta-9", asserted_by="agt-2", place="plc-2", unit="graves", **said)
        ],
        "an answer of a public party": [record("rsp-0", party="agt-1", kind="denied", about=["evt-1"], **said)],
        "a source of a public publisher": [record("src-15", publisher="agt-1", type="court_record", **said)],
        "a person": [record("agt-25", kind="person", name_policy="published", name="Mara", **said)],
        "a place inside a public one": [record("plc-15", part_of="plc-1", name="North gate", country="DE", **said)],
        "a topic below a public one": [record("top-15", broader="top-1", label="Night watch", **said)],
        "a language nobody else speaks": [
            record("tes-2", language="ka", translations={"ka": {"title": "ღამე"}}, **said)
        ],
        "a word like one that is asked for": [record("tes-4", title="Arten", summary="Marra said Nicht.", **said)],
        "a figure that disputes a public one": [
            record("sta-8", events=["evt-1"], relations=[{"type": "disputes", "to": "sta-1"}], **said)
        ],
        "a figure that revises a public one": [record("sta-7", relations=[{"type": "revises", "to": "sta-1"}], **said)],
        "a term and own fields nobody else has": [
            record("evt-16", custom={"own_term": "rifle", "own_number": 9, "own_text": "Marra"}, tags=["rifle"], **said)
        ],
        "a person called as one whose name is kept": [
            record("agt-26", kind="person", name_policy="published", name="A resident", **said),
            record("rsp-3", kind="referred", referred_to="agt-2", via="agt-2", about=["evt-1"], **said),
        ],
        "one of each with every field": one_of_each(canaries(), **access),
    }


CASES = [(access, case) for access in ACCESS for case in hidden_ones({})]


def release_of(folder: Path, *whole: Fields) -> Published:
    path = folder / "archive.jsonl"
    for each in whole:
        published = publish(write(path, each), folder / "data", now=lambda: NOW)
    path.unlink()
    return published


#: Records that are public.
RECORDS = sum(len(archive(*base())[plural]) for plural in PLURALS.values())


@pytest.fixture(scope="module")
def without(tmp_path_factory: pytest.TempPathFactory) -> Published:
    return release_of(tmp_path_factory.mktemp("without"), archive(*base(), **OWN))


@pytest.mark.parametrize(("access", "case"), CASES)
def test_the_release_is_the_same_as_without_it(tmp_path: Path, without: Published, access: str, case: str) -> None:
    hidden = hidden_ones(ACCESS[access])[case]
    path = write(tmp_path / "a.json", archive(*base(), *hidden, **OWN))
    assert sum(check_archive(path, today=NOW.date()).counts.values()) == RECORDS + len(hidden)
    published = release_of(tmp_path, archive(*base(), *hidden, **OWN))
    assert published.manifest.id == without.manifest.id
    assert published.manifest.counts == without.manifest.counts
    # The files of the index have random names, the manifest has their names.
    names = [name for name in without.manifest.files if not name.startswith("index/")]
    assert names == [name for name in published.manifest.files if not name.startswith("index/")]
    for name in names:
        assert (published.folder / name).read_bytes() == (without.folder / name).read_bytes(), name
    sizes = [sorted(entry.bytes for entry in each.manifest.files.values()) for each in (published, without)]
    assert sizes[0] == sizes[1]


def test_every_answer_is_the_same_as_without_them(tmp_path: Path, without: Published, serve: Serve) -> None:
    everything = [each for hidden in hidden_ones(ACCESS["restricted"]).values() for each in hidden]
    published = release_of(tmp_path, archive(*base(), *everything, **OWN))
    one, other = serve(published.folder.parent.parent), serve(without.folder.parent.parent)
    # Asked about by those who know or guess the identifiers of the hidden, too.
    known = [each["id"] for each in everything if "canary" not in each["id"]]
    ids = [each["id"] for each in base()] + known + ["src-1", "agt-1"]
    asked = 0
    for (question, answer), (also, reference) in zip(ask_all(one, ids), ask_all(other, ids), strict=True):
        asked += 1
        assert question == also
        assert wire(answer) == wire(reference), question
    print(f"{len(everything)} hidden records, {asked} answers the same to the byte")
    assert asked > 2000


def test_a_hidden_record_is_answered_as_one_that_never_was(tmp_path: Path, serve: Serve) -> None:
    published = release_of(
        tmp_path, archive(*base(), *hidden_ones(ACCESS["restricted"])["a testimony of a public witness"])
    )
    client = serve(published.folder.parent.parent)
    for address in ("/v1/testimonies/{}", "/v1/testimonies/{}/transcript", "/v1/testimonies?q={}", "/v1/search?q={}",
                    "/v1/suggest?q={}", "/v1/responses?about={}", "/v1/events/{}"):  # fmt: skip
        hidden, never = (
            wire(Question(address.format(name)).ask(client)).replace(name.encode(), b"ID")
            for name in ("tes-3", "tes-4")
        )
        assert _less_etag(hidden) == _less_etag(never), address


def _less_etag(answer: bytes) -> bytes:
    """Leave out the ETag, which is made from the address."""
    return b"\n".join(line for line in answer.split(b"\n") if not line.startswith(b"etag:"))


# --- Histories ----------------------------------------------------------------------------------------------------------

SECRET = record("tes-3", witness="agt-2", events=["evt-1"], access=ACCESS["restricted"])
SHOWN = {**SECRET, "access": {"consent_basis": "direct"}}
CHANGED = {**SECRET, "title": "Told otherwise"}
#: Two histories of an archive that must look the same from outside.
HISTORIES: dict[str, tuple[list[list[Fields]], list[list[Fields]]]] = {
    "it comes": ([[], [SECRET]], [[], []]),
    "it changes": ([[SECRET], [CHANGED]], [[], []]),
    "it goes": ([[SECRET], []], [[], []]),
    "it is shown": ([[SECRET], [SHOWN]], [[], [SHOWN]]),
    "it changes and is shown": ([[SECRET], [CHANGED], [SHOWN]], [[], [], [SHOWN]]),
    "it is shown, hidden and changes": ([[SHOWN], [SECRET], [CHANGED]], [[SHOWN], [SECRET], [SECRET]]),
    "it is hidden and goes": ([[SHOWN], [SECRET], []], [[SHOWN], [SECRET], [SECRET]]),
}


@pytest.mark.parametrize("history", HISTORIES)
def test_what_happens_to_a_hidden_record_is_told_nobody(tmp_path: Path, serve: Serve, history: str) -> None:
    clients = []
    for number, steps in enumerate(HISTORIES[history]):
        folder = tmp_path / str(number)
        folder.mkdir()
        published = release_of(folder, *(archive(*base(), *step) for step in steps))
        clients.append(serve(published.folder.parent.parent))
    for address in ("/v1", "/v1/testimonies?facets=witness,event", "/v1/changes", "/v1/changes?format=atom", "/v1/archive",
                    "/v1/testimonies/tes-3", "/v1/search?q=said"):  # fmt: skip
        answers = [wire(Question(address).ask(client)) for client in clients]
        assert answers[0] == answers[1], address


# --- References from what is public -------------------------------------------------------------------------------------


def reference_fields() -> Iterator[tuple[str, tuple[str, ...], str]]:
    """Yield every field of the format that refers to records: the record type, the way to the field, and each type that
    it may name.
    """
    for name, model in RECORD_MODELS.items():
        for way, types in _references(model):
            yield from ((name, way, target) for target in types)


def _references(model: type[Part]) -> Iterator[tuple[tuple[str, ...], tuple[str, ...]]]:
    for name, described in model.model_fields.items():
        for part in [*described.metadata, *_parts_of(described.annotation)]:
            if isinstance(part, RefersTo):
                yield (name,), part.types
            elif isinstance(part, type) and issubclass(part, Part):
                yield from (((name, *way), types) for way, types in _references(part))


def _parts_of(annotation: Any) -> Iterator[Any]:
    yield annotation
    yield from getattr(annotation, "__metadata__", ())
    for inner in get_args(annotation):
        yield from _parts_of(inner)


REFERENCES = sorted(set(reference_fields()))


def pointing(each: Fields, way: tuple[str, ...], target: str) -> str:
    """Make the field at the end of `way` refer to `target`, and return the pointer to it."""
    at: Any = each
    pointer = ""
    for step in way[:-1]:
        at, pointer = at[step], f"{pointer}/{step}"
        if isinstance(at, list):
            at, pointer = at[0], f"{pointer}/0"
    pointer += f"/{way[-1]}"
    if isinstance(at[way[-1]], list):
        at[way[-1]] = [target]
        return f"{pointer}/0"
    at[way[-1]] = target
    return pointer


def test_the_table_of_references_has_all_that_are_known() -> None:
    assert len(REFERENCES) >= 35
    assert ("event", ("acts", "citations", "source"), "source") in REFERENCES
    assert ("response", ("about",), "testimony") in REFERENCES


@pytest.mark.parametrize(
    ("kind", "way", "target"), REFERENCES, ids=lambda part: ".".join(part) if isinstance(part, tuple) else part
)
def test_a_public_record_must_not_refer_to_a_hidden_one(
    tmp_path: Path, kind: str, way: tuple[str, ...], target: RecordType
) -> None:
    # Its parts are copied: records made together share citations.
    whole: list[Fields] = json.loads(json.dumps(one_of_each(visible())))
    secret_id = f"{PREFIXES[target]}-secret"
    each = next(each for each in whole if TYPE_OF_PREFIX[each["id"][:3]] == kind)
    pointer = pointing(each, way, secret_id)

    def conflicts(secret: Fields) -> list[str]:
        path = write(tmp_path / "a.jsonl", archive(*whole, secret, **OWN))
        found = check_archive(path, today=date(2026, 3, 4)).findings
        return [finding.pointer.partition(" /")[2] for finding in found if finding.code == "visibility_conflict"]

    for access in ACCESS.values():
        assert conflicts(record(secret_id, access=access)) == [pointer.removeprefix("/")], access
    # The same reference, the record being public: nothing to say against it.
    assert conflicts(record(secret_id)) == []
