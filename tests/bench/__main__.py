"""Measures publishing, serving and finding on an invented archive, against other ways to serve the same records.

From a checkout with its dependencies installed, and `.[bench]` for the peers:

    python -m tests.bench --testimonies 20000
    python -m tests.bench --testimonies 20000 200000 --work DIR --json figures.json
    python -m tests.bench --growth --work DIR

It writes an archive, publishes it, and checks that the answers of the server and of every peer are those of a plain
query over the same records. Then it measures by turns. A ratio is taken within a round; the table shows the median over
the rounds. "Never asked" means never of this process: every round starts a new one. Everything listens on the loopback
address only and is stopped at the end. Linux only.
"""

import argparse
import signal
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

import orjson

from tests.bench import crowd, finding, questions
from tests.bench.archives import generated, published
from tests.bench.checks import check_cursors, check_peer, check_server
from tests.bench.generate import COMMON
from tests.bench.measuring import Measuring, running_peer, write_answers
from tests.bench.peers import Peer, fts5
from tests.bench.peers.datasette import DATASETTE
from tests.bench.peers.plain_fastapi import PLAIN_FASTAPI
from tests.bench.peers.roapi import ROAPI
from tests.bench.plain import Plain, written
from tests.bench.processes import running, server
from tests.bench.questions import Asked
from tests.bench.report import as_json, console, machine, note, show, show_growth
from tests.bench.targets import Figures

PEERS = (ROAPI, DATASETTE, PLAIN_FASTAPI)
GROWTH = (10_000, 100_000, 1_000_000)
#: Load average from which the figures say more about the rest of the machine.
BUSY = 0.7
#: Pages anywhere in a list that are looked at before any is timed; offsets that peers are asked for.
CHECKED, PAGES = 50, 2000


def measured(work: Path, testimonies: int, given: argparse.Namespace) -> Figures:
    """Measure everything at one size."""
    note(f"{testimonies:,} testimonies: writing and publishing")
    archive = generated(work, testimonies, holding="plain" if given.plain else "real")
    data, database, answers = (archive.with_name(name) for name in ("data", "plain.sqlite", "answers.json"))
    cost, plain = published(archive, data, testimonies), Plain(written(archive, database))
    asked = prepared(data, plain, answers, testimonies)
    present = [peer for peer in PEERS if not peer.missing]
    for peer in present:
        ask(peer, plain, database, asked)
    measuring = Measuring(data, rounds=given.rounds, seconds=given.seconds)
    lists = {}
    with measuring.against(answers, present, database):
        for one in asked.works:
            note(f"measuring: {one.name}")
            lists[one.name] = measuring.measure(one)
    note("measuring: depth, two workers, finding, exports, a crowd")
    return Figures(
        published=cost,
        lists=lists,
        worker=measuring.worker,
        depth=measuring.depth(asked.first, asked.last),
        two_workers=measuring.two_workers(asked.pages),
        found=finding.find(data, questions.findings(plain), measuring.worker),
        fts5=fts5.best(database, matches=sum(plain.languages_with(COMMON).values())),
        exports=finding.exports(data, cost.counts["testimonies"], measuring.worker),
        crowded=crowd.crowded(data, asked.records.targets, measuring.worker),
        missing={peer.name: peer.missing for peer in PEERS if peer.missing},
    )


def prepared(data: Path, plain: Plain, answers: Path, testimonies: int) -> Asked:
    """Check the server, choose what is asked, and keep the bytes that it answers. At a worker that is not measured."""
    with running("the server", server(data), ready="/readyz") as ours, ours.asking() as get:
        looked_at = check_server(get, plain)
        asked = questions.asked(get, plain, testimonies)
        in_order = [target for target in asked.pages.targets if "sort=id&" in target]
        looked_at += check_cursors(get, plain, in_order[:CHECKED])
        note(f"answers looked at: {looked_at}, all right")
        write_answers(get, asked.works, answers)
    return asked


def ask(peer: Peer, plain: Plain, database: Path, asked: Asked) -> None:
    """Check a peer, and add what it is asked to what is asked of ours."""
    ids, filtered = plain.ids(), questions.filtered(plain)
    with running_peer(peer, database) as server, server.asking() as get:
        check_peer(get, peer, plain, filtered)
    note(f"answers of {peer.name}: all right")
    offsets = range(1, len(ids) - questions.LIMIT, max(1, len(ids) // PAGES))
    asked.pages.peers[peer.name] = questions.shuffled([peer.page(offset, ids[offset - 1]) for offset in offsets])
    asked.lists.peers[peer.name] = questions.shuffled([peer.filtered(one) for one in filtered])


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Measure publishing and serving.")
    parser.add_argument(
        "--testimonies", type=int, nargs="+", default=[20_000], metavar="N", help="in the archive (20000)"
    )
    parser.add_argument("--growth", action="store_true", help=f"the same as --testimonies {' '.join(map(str, GROWTH))}")
    parser.add_argument("--plain", action="store_true", help="without own fields, claims, relations and files")
    parser.add_argument("--seconds", type=int, default=2, help="seconds of each measurement (2)")
    parser.add_argument("--rounds", type=int, default=5, help="measurements of each work (5)")
    parser.add_argument("--work", type=Path, help="a folder to keep archives and releases in")
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    return parser.parse_args()


def main() -> None:
    given = arguments()
    # As Ctrl+C does: what was started is stopped on the way out.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    about = machine(PEERS)
    console.print(", ".join(f"{name} {value}" for name, value in about.items()))
    if float(about["load average"]) > BUSY:
        console.print("This machine is busy with something else: ratios will be off, and times too long.")
    for peer in PEERS:
        if peer.missing:
            console.print(f"{peer.name}: {peer.missing}")
    sizes = []
    with ExitStack() as stack:
        work = (
            given.work.resolve()
            if given.work
            else Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        )
        for testimonies in GROWTH if given.growth else given.testimonies:
            sizes.append(measured(work, testimonies, given))
            show(sizes[-1])
    if len(sizes) > 1:
        show_growth(sizes)
    if given.json:
        kept = {"machine": about, "sizes": {str(one.published.testimonies): as_json(one) for one in sizes}}
        given.json.write_bytes(orjson.dumps(kept, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS))


if __name__ == "__main__":
    main()
