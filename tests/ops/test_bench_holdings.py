"""What measures own fields and included records: processor time is told as it was used, and limits are judged."""

import os
import subprocess
import sys

import pytest

from tests.bench.holdings import COUNTS, INCLUDING, LISTS, PAGES, Costs, processor_s, questions, show
from tests.bench.processes import Answer

BUSY = "import sys, time\nwhile time.process_time() < 0.5: pass\nprint('done', flush=True)\nsys.stdin.read()"


def test_processor_time_is_that_of_a_process_and_not_of_waiting_for_it() -> None:
    with subprocess.Popen([sys.executable, "-c", BUSY], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"done\n"
        used = processor_s(process.pid)
        assert process.stdin is not None
        process.stdin.close()
    assert 0.4 < used < 2
    assert processor_s(os.getpid()) > 0


@pytest.mark.parametrize(
    ("work", "by", "kept"),
    [
        ("x", {"plain": [1.0, 1.0], "real": [1.05, 1.0]}, True),
        ("x", {"plain": [1.0, 1.0], "real": [1.2, 1.3]}, False),
        (PAGES, {"real": [4.0], "raw uvicorn, real": [1.0]}, True),
        (PAGES, {"real": [5.0], "raw uvicorn, real": [1.0]}, False),
        (INCLUDING, {"real": [6.0], "raw uvicorn, real": [1.0]}, True),
        (INCLUDING, {"real": [7.0], "raw uvicorn, real": [1.0]}, False),
    ],
)
def test_what_misses_a_limit_is_told(work: str, by: dict[str, list[float]], *, kept: bool) -> None:
    assert show([Costs(work, by)]) is kept


def test_the_same_is_asked_of_every_archive_and_nothing_twice() -> None:
    def get(target: str, **_: str) -> Answer:
        path = target.partition("?")[0]
        if path.startswith("/v1/events/"):
            return 200, {}, b'{"included_total": 20}'
        links = b'{"next": null, "prev": "http://x/?cursor=abc"}'
        facets = b'{"language": [{"value": "en"}], "reported_by": [{"value": "agt-1"}]}'
        return 200, {}, b'{"data": [{"id": "evt-1"}], "links": %b, "facets": %b}' % (links, facets)

    asked = questions(get, "plain")
    assert set(asked) == {PAGES, LISTS, COUNTS, INCLUDING}
    assert all(targets and len(set(targets)) == len(targets) for targets in asked.values())
