"""How long a record by identifier takes while others read exports and search without pause.

`python -m tests.bench.crowd PORT` is those others: it says when they are at it, and goes on until it is killed.
"""

import http.client
import itertools
import os
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

from tests.bench.finding import Times, timed
from tests.bench.generate import COMMON
from tests.bench.load import ROOT, keeping_to
from tests.bench.measuring import Worker
from tests.bench.processes import HOST, LOAD_CORES, PATIENCE_S, running, server
from tests.bench.questions import COLLECTION, FACETS, spellings

#: Half of them read exports and half search.
READERS = 8
#: Seconds that records are asked for.
SECONDS = 10
#: Seconds that a reader waits who was told that the server is busy.
PAUSE_S = 0.05


def crowded(data: Path, records: list[str], worker: Worker) -> Times:
    """Ask for records by identifier, one at a time, in the crowd."""
    with running("the server", server(data), ready="/readyz") as ours:
        crowd = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.crowd", str(ours.port)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            preexec_fn=keeping_to(LOAD_CORES),  # noqa: PLW1509 - threads of this program are not forked from
        )
        try:
            assert crowd.stdout is not None
            crowd.stdout.readline()
            taken: list[float] = []
            with ours.asking() as get:
                end = time.perf_counter() + SECONDS
                for target in itertools.takewhile(lambda _: time.perf_counter() < end, records):
                    taken += timed(get, [target]).taken
            assert crowd.poll() is None, "the crowd has gone"
            worker.saw("searches and exports at once", ours)
        finally:
            crowd.kill()
            crowd.wait()
            if crowd.stdout:
                crowd.stdout.close()
    return Times(taken)


def read(port: int, targets: list[str], everybody: threading.Barrier) -> None:
    """Ask for the targets again and again. What is read is thrown away; anything unexpected ends the whole crowd."""
    try:
        _keep_reading(port, targets, everybody)
    except (AssertionError, OSError, http.client.HTTPException) as error:
        sys.stderr.write(f"{error!r}\n")
        os._exit(1)


def _keep_reading(port: int, targets: list[str], everybody: threading.Barrier) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    for number, target in enumerate(itertools.cycle(targets)):
        connection.request("GET", target, headers={"Host": HOST})
        answer = connection.getresponse()
        if number == 0:
            with suppress(threading.BrokenBarrierError):
                everybody.wait(PATIENCE_S)
        while answer.read(1 << 20):
            pass
        assert answer.status in (200, 503), (target, answer.status)
        if answer.status == 503:
            time.sleep(PAUSE_S)


def main() -> None:
    os.nice(10)  # who is measured goes first on the core that both have
    port, everybody = int(sys.argv[1]), threading.Barrier(READERS + 1)
    searches = [f"{COLLECTION}?q={word}&facets={','.join(FACETS)}&limit=200" for word in spellings(COMMON)]
    for number in range(READERS):
        targets = [f"{COLLECTION}?format=csv"] if number % 2 else searches[number // 2 :: READERS // 2]
        threading.Thread(target=read, args=(port, targets, everybody), daemon=True).start()
    everybody.wait(PATIENCE_S)
    sys.stdout.write("at it\n")
    sys.stdout.flush()
    threading.Event().wait()


if __name__ == "__main__":
    main()
