"""What is measured, in the form that Prometheus reads. Counted on the event loop, so without locks; drawn up when asked for.

No label holds anything of a request but the template of its route and its status, so that there are few, and nobody is
watched.
"""

import os
from bisect import bisect_left
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import accumulate

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from service import __version__
from service.http.connections import BoundedConnection
from service.http.releases import Serving
from service.http.response_cache import ResponseCache

_PREFIX = "testimony_archive_"
#: Upper bounds in seconds: from an answer out of memory to a long download.
BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0)
_BOUNDS = (*(str(bound) for bound in BUCKETS), "+Inf")


class _Durations:
    """How long the requests of one route with one status took."""

    __slots__ = ("buckets", "seconds")

    def __init__(self) -> None:
        self.buckets = [0] * len(_BOUNDS)
        self.seconds = 0.0


class Metrics(Collector):
    """The numbers of this process. With several workers each has its own, told apart by the label `pid`."""

    def __init__(self, serving: Serving, cache: ResponseCache, *, several: bool) -> None:
        self._serving = serving
        self._cache = cache
        self._labels = {"pid": str(os.getpid())} if several else {}
        self._durations: dict[tuple[str, int], _Durations] = {}
        #: Requests whose answers are not out yet.
        self.in_progress = 0

    def observe(self, route: str, status: int, seconds: float) -> None:
        """Count a request that was answered."""
        durations = self._durations.get((route, status))
        if durations is None:
            durations = self._durations[route, status] = _Durations()
        durations.buckets[bisect_left(BUCKETS, seconds)] += 1
        durations.seconds += seconds

    def collect(self) -> Iterator[Metric]:
        """Yield every metric. On the event loop, since it looks at work that waits there."""
        yield self._requests()
        yield self._gauge("requests_in_progress", "Requests being answered.", ((), self.in_progress))
        yield self._gauge("open_connections", "Connections that are open.", ((), BoundedConnection.open))
        yield self._cache_requests()
        yield from self._heavy_work()
        yield from self._release()
        yield self._gauge("build_info", "The version of the engine.", ((("version", __version__),), 1))

    def _requests(self) -> Metric:
        family = HistogramMetricFamily(
            _PREFIX + "request_duration_seconds",
            "Requests by route and status, and seconds until the answer was out.",
            labels=["route", "status", *self._labels],
        )
        for (route, status), durations in self._durations.items():
            buckets = list(zip(_BOUNDS, accumulate(durations.buckets), strict=True))
            family.add_metric([route, str(status), *self._labels.values()], buckets, durations.seconds)
        return family

    def _cache_requests(self) -> Metric:
        family = CounterMetricFamily(
            _PREFIX + "cache_requests",
            "Requests that the response cache answered (hit) or had to have answered (miss).",
            labels=["result", *self._labels],
        )
        for result, number in (("hit", self._cache.hits), ("miss", self._cache.misses)):
            family.add_metric([result, *self._labels.values()], number)
        return family

    def _heavy_work(self) -> Iterator[Metric]:
        limiters = {"query": self._serving.heavy.threads, "stream": self._serving.stream_threads}
        now = {(("kind", kind),): limiter.statistics() for kind, limiter in limiters.items()}
        running = [(kind, statistics.borrowed_tokens) for kind, statistics in now.items()]
        waiting = [(kind, statistics.tasks_waiting) for kind, statistics in now.items()]
        yield self._gauge("heavy_work_running", "Long answers being worked on in threads.", *running)
        yield self._gauge("heavy_work_waiting", "Long answers waiting for a thread.", *waiting)

    def _release(self) -> Iterator[Metric]:
        trouble = self._serving.trouble is not None
        yield self._gauge("release_trouble", "1 where the data folder's release cannot be served.", ((), trouble))
        silent = self._serving.seconds_since_look
        yield self._gauge("release_watch_age_seconds", "Seconds since the last look for a newer release.", ((), silent))
        served = self._serving.served
        if served is None:
            return
        manifest = served.catalogue.release.manifest
        named = (("id", manifest.id), ("number", str(manifest.number)))
        age = datetime.now(UTC) - datetime.fromisoformat(manifest.published_at)
        yield self._gauge("release_info", "The release being served.", (named, 1))
        yield self._gauge("release_age_seconds", "Seconds since it was published.", ((), age.total_seconds()))

    def _gauge(self, name: str, meaning: str, *samples: tuple[tuple[tuple[str, str], ...], float]) -> Metric:
        names = [label for label, _ in samples[0][0]]
        family = GaugeMetricFamily(_PREFIX + name, meaning, labels=[*names, *self._labels])
        for labels, value in samples:
            family.add_metric([*(value for _, value in labels), *self._labels.values()], value)
        return family
