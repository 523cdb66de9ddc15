"""Work divided between two processes: the same reports, the same records in the same order, and a clear error when the
second process is killed.
"""

import gzip
import multiprocessing
import os
import pickle
import signal
from collections.abc import Callable, Generator, Iterable
from contextlib import closing
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from service.archive import dividing
from service.archive.checks import Report, check_archive, checking
from service.archive.dividing import divided
from service.archive.model import Record, Withdrawn
from service.archive.reading import stream
from service.errors import TestimonyArchiveError
from tests.archives import archive, record, write

CORPUS = sorted((Path(__file__).parent / "corpus").glob("*.json*"))
TODAY = date(2024, 6, 1)


def handed_over(work: Callable[[Any], Any], batches: Iterable[Any], *, beside: bool) -> Generator[Any]:
    """Do all the work here, but hand it over as to another process."""
    work = pickle.loads(pickle.dumps(work))
    for batch in batches:
        yield pickle.loads(pickle.dumps(work(pickle.loads(pickle.dumps(batch)))))


def as_json(record: Record | Withdrawn) -> str:
    """Return what can be handed over of a record whose model was made for its archive alone."""
    return record.model_dump_json()


def checked(
    path: Path, prepare: Callable[[Record | Withdrawn], object] | None = None
) -> tuple[Report, list[object], list[int]]:
    """Return the report of a check, what it accepts, and the progress that it tells."""
    accepted: list[object] = []
    progress: list[int] = []
    report = check_archive(path, today=TODAY, prepare=prepare, accept=accepted.append, progress=progress.append)
    return report, accepted, progress


@pytest.mark.parametrize("size", [1, 3])
@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.name)
def test_batches_of_any_size_give_the_same_report(path: Path, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = checked(path, as_json)
    monkeypatch.setattr(stream, "_BATCH", size)
    monkeypatch.setattr(checking, "divided", handed_over)
    assert checked(path, as_json) == whole


def flawed(folder: Path, name: str) -> Path:
    """Write an archive with mistakes of many kinds all over it, more than a report keeps."""
    good = [record(f"tes-{n}", title=f"Title {n}") for n in range(900)]
    bad = [
        record("tes-7"),
        record("tes-unknown", colour="red"),
        record("evt-1", date="2021-13"),
        record("agt-2", name_policy="withheld", label="Somebody"),
        *(record(f"tes-bad-{n}", witness=f"agt-none-{n}", given="yesterday") for n in range(600)),
        *(record(f"tes-lost-{n}", witness=f"agt-none-{n}") for n in range(600)),
    ]
    gone = [{"id": "tes-8", "on": "2021-01-01"}]
    path = write(folder / name.removesuffix(".gz"), archive(*good, *bad, withdrawn=gone))
    if ".jsonl" in name:
        lines = path.read_text().splitlines()
        path.write_text("\n".join([*lines[:500], "", "{", "[]", '{"record": "x"}', '{"a": 1, "a": 2}', *lines[500:]]))
    if name.endswith(".gz"):
        zipped = path.with_name(name)
        zipped.write_bytes(gzip.compress(path.read_bytes()))
        return zipped
    return path


@pytest.fixture
def beside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checking, "DIVIDED_FROM", 0)
    monkeypatch.setattr(checking, "can_divide", lambda: True)
    monkeypatch.setattr(stream, "_BATCH", 7)


@pytest.mark.parametrize("name", ["archive.json", "archive.jsonl", "archive.jsonl.gz"])
def test_a_check_by_two_processes_gives_the_same_report(
    name: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    path = flawed(tmp_path, name)
    whole = checked(path)
    request.getfixturevalue("beside")
    assert checked(path) == whole
    assert len(whole[0].findings) > 600


# --- By itself --------------------------------------------------------------------------------------------------------


def squared(number: int) -> tuple[int, int]:
    return number * number, os.getpid()


def test_results_come_in_order_and_from_both_processes() -> None:
    with closing(divided(squared, range(5000), beside=True)) as results:
        numbers, workers = zip(*results, strict=True)
    assert numbers == tuple(number * number for number in range(5000))
    assert len(set(workers)) == 2
    assert os.getpid() in workers


def length(text: bytes) -> tuple[int, bytes]:
    return len(text), text


def test_batches_longer_than_a_pipe_holds_stop_nothing() -> None:
    sizes = [1, 4_000_000, 10, 300_000] * 8
    with closing(divided(length, (bytes(size) for size in sizes), beside=True)) as results:
        assert [size for size, _ in results] == sizes


def die(number: int, parent: int) -> int:
    if os.getpid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def test_a_second_process_that_is_killed_is_a_clear_error() -> None:
    work = partial(die, parent=os.getpid())
    with (
        closing(divided(work, range(10_000), beside=True)) as results,
        pytest.raises(TestimonyArchiveError, match="has ended"),
    ):
        list(results)
    assert multiprocessing.active_children() == []


def test_a_check_whose_second_process_is_killed_is_a_clear_error(
    tmp_path: Path, beside: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    take = dividing._Second.take

    def kill(self: Any, batch: object) -> bool:
        self._process.kill()
        return take(self, batch)

    monkeypatch.setattr(dividing._Second, "take", kill)
    with pytest.raises(TestimonyArchiveError, match="nothing was changed"):
        checked(flawed(tmp_path, "archive.jsonl"))
    assert multiprocessing.active_children() == []
