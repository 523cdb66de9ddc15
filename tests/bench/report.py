"""Prints what was measured."""

import os
import platform
import statistics
import sys
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.box import MARKDOWN
from rich.console import Console
from rich.table import Table

from tests.bench.load import GENERATOR, Measure
from tests.bench.measuring import Rounds
from tests.bench.peers import Peer
from tests.bench.targets import MANY, Figures, Goal, goals

LIBRARIES = ("uvicorn", "uvloop", "httptools", "fastapi", "starlette", "pydantic", "sqlalchemy", "orjson", "tantivy")
#: Share of a core from which the load generator is taken to be what limits a server.
BUSY = 0.9

# Wide enough for the tables where the output is kept in a file.
console = Console(width=None if sys.stdout.isatty() else 150, markup=False)


def note(text: str) -> None:
    """Say what is going on."""
    console.print(text, style="dim")


def machine(peers: Iterable[Peer]) -> dict[str, str]:
    """Say what the figures were measured on, and with."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown")
    packages = dict.fromkeys((*LIBRARIES, *(name for peer in peers if not peer.missing for name in peer.packages)))
    return {
        "cores": str(os.cpu_count()),
        "cpu": model,
        # Before anything is measured: server and load generator want a core each.
        "load average": f"{os.getloadavg()[0]:.1f}",
        "load generator": GENERATOR,
        "python": platform.python_version(),
        **{name: version(name) for name in packages},
    }


def show(figures: Figures) -> None:
    """Print everything measured at one size."""
    _show_sizes(figures)
    _show_goals(list(goals(figures)), _title(figures))
    _show_rates([*figures.lists.values(), figures.two_workers])
    _show_times(figures)


def _title(figures: Figures) -> str:
    size = figures.published.testimonies
    return f"{size:,} testimonies, beside what must be reached at {1_000_000 if size >= MANY else 200_000:,}"


def _show_sizes(figures: Figures) -> None:
    published = figures.published
    parts: dict[str, int] = {}
    for name, size in published.files.items():
        part = name.partition("/")[0]
        parts[part] = parts.get(part, 0) + size
    files = ", ".join(f"{name} {size / 1e6:,.1f}" for name, size in parts.items())
    peaks = " + ".join(f"{peak / 1e6:,.0f}" for peak in sorted(published.memory.peaks.values(), reverse=True))
    console.print(
        f"archive {published.archive_bytes / 1e6:,.1f} MB; release {sum(published.files.values()) / 1e6:,.1f} MB "
        f"({files}); published in {published.seconds:.1f} s with at most {published.memory.pss / 1e6:,.0f} MB "
        f"(each process at its peak: {peaks} MB)"
    )


def _show_goals(shown: list[Goal], title: str) -> None:
    table = new_table(title, "work", "measured", "from – to", "target", "reached")
    for goal in shown:
        verdict = {True: "yes", False: "no", None: ""}[goal.reached]
        measured = "not installed" if goal.median is None else figure(goal.median)
        target = f"{goal.sign} {goal.target:,g} {goal.unit}"
        table.add_row(goal.work, measured, spread(goal.values), target, verdict)
    console.print(table)


def _show_rates(works: list[Rounds]) -> None:
    table = new_table(
        "requests a second", "work", "server", "median", "from – to", "p50 ms", "p99 ms", "bytes", "load", "by"
    )
    for rounds in works:
        for name, measures in {"ours": rounds.ours, **rounds.others}.items():
            rates = [one.per_second for one in measures]
            table.add_row(
                rounds.work.name if name == "ours" else "",
                name,
                f"{statistics.median(rates):,.0f}",
                spread(rates),
                f"{statistics.median(one.p50_ms for one in measures):.2f}",
                f"{statistics.median(one.p99_ms for one in measures):.2f}",
                f"{measures[0].bytes_per_answer:,.0f}",
                _load(measures),
                measures[0].generator,
            )
    console.print(table)
    console.print("load: share of a core that the load generator took; from 90% on it may be what limits the server")


def _load(measures: list[Measure]) -> str:
    share = statistics.median(one.load_share for one in measures)
    return f"{share:.0%}{' !' if share > BUSY else ''}"


def _show_times(figures: Figures) -> None:
    table = new_table("one question at a time", "question", "median ms", "from – to", "p99 ms", "times")
    named = {**figures.found, "record by id beside 8 searches and exports": figures.crowded}
    for name, times in named.items():
        median = f"{statistics.median(times.taken):.2f}"
        table.add_row(name, median, spread(times.medians), f"{times.p99:.2f}", f"{len(times.taken):,}")
    table.add_row(
        "FTS5 bm25, the same best 20, without HTTP", f"{statistics.median(figures.fts5):.2f}", spread(figures.fts5)
    )
    console.print(table)


def show_growth(sizes: list[Figures]) -> None:
    """Print each figure that has a target at every size measured, and how the last compares with the first."""
    names = [f"{one.published.testimonies:,}" for one in sizes]
    table = new_table("growth", "work", *names, "last : first")
    for row in zip(*map(goals, sizes), strict=True):
        medians = [goal.median for goal in row]
        first, last = medians[0], medians[-1]
        growth = f"{last / first:.2f}" if first and last is not None else ""
        table.add_row(f"{row[0].work} {row[0].unit}", *map(figure, medians), growth)
    rates = [
        [statistics.median(one.per_second for one in size.lists[name].ours) for size in sizes]
        for name in sizes[0].lists
    ]
    for name, values in zip(sizes[0].lists, rates, strict=True):
        table.add_row(f"{name}: requests/s", *map(figure, values), f"{values[-1] / values[0]:.2f}")
    console.print(table)


def new_table(title: str, first: str, *others: str) -> Table:
    table = Table(title=title, title_justify="left", box=MARKDOWN)
    table.add_column(first)
    for name in others:
        table.add_column(name, justify="right")
    return table


def figure(value: float | None) -> str:
    if value is None:
        return ""
    digits = 0 if value >= 1000 else 1 if value >= 20 else 2 if value >= 0.1 or not value else 4
    return f"{value:,.{digits}f}"


def spread(values: list[float]) -> str:
    return f"{figure(min(values))} – {figure(max(values))}" if len(values) > 1 else ""


def as_json(figures: Figures) -> dict[str, Any]:
    """Return everything measured at one size, with each round."""
    lists = {**figures.lists, figures.two_workers.work.name: figures.two_workers}
    return {
        "published": figures.published,
        "goals": {goal.work: goal.as_json() for goal in goals(figures)},
        "lists": {name: {"ours": rounds.ours, **rounds.others} for name, rounds in lists.items()},
        "worker": figures.worker,
        "found_ms": {name: times.taken for name, times in figures.found.items()},
        "fts5_ms": figures.fts5,
        "exports": figures.exports,
        "crowded_ms": figures.crowded.taken,
        "missing": figures.missing,
    }
