"""Which release is being served, and moving over to a new one. Requests under way finish on the release they began with."""

import asyncio
import contextlib
import logging
import os
import sqlite3
import sys
import threading
import time
import traceback
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import TypeVar

import anyio.to_thread
from anyio import CapacityLimiter
from starlette.types import Scope

from service.catalogue.browsing import Catalogue
from service.depots.following import Standing, read_standing
from service.errors import Broken, Busy, NoRelease, NotReady, Problem, ReleaseDamaged, ReleaseError
from service.http.logs import log_event
from service.release.data_folder import current_folder
from service.release.manifest import HASH_CHUNK, Manifest, Marks, marks_of, read_manifest
from service.release.opening import open_release

T = TypeVar("T")

#: Seconds between two looks at the data folder: a new release is served within twice that.
LOOK_EVERY_S = 1.0
#: Seconds until a release that could not be opened for a reason nobody foresaw is tried again, at most. Twice as long each
#: time: opening a large one costs the readers of the one being served something.
RETRY_AT_MOST_S = 60.0
#: Seconds without a look at the data folder after which that counts as trouble. Comparing a release with its manifest
#: before it is served takes a fifth of a second.
LOOK_OVERDUE_S = 60.0
#: Seconds after which a reader that was told `503` may try again.
RETRY_AFTER_S = 5
RETRY = {"Retry-After": str(RETRY_AFTER_S)}
#: Threads that write long answers, whatever their number: more would not be faster, since Python runs one at a time,
#: and would keep short answers waiting.
STREAM_THREADS = 2
#: Threads that compress large answers: they run beside Python, so that a core each is used.
COMPRESSION_THREADS = 2
#: Threads for what takes too long for the event loop: as many as the machines this is for have cores.
HEAVY_THREADS = 2
#: Requests for such work that are held at once, at work or waiting. One takes milliseconds, so the last waits about a
#: second; who comes beyond is told to come back, instead of waiting without end.
HEAVY_REQUESTS = 64
#: Lists that are remembered as they were asked for, with the places of their records: 125 kB for a million records.
RECALLED = 64
#: Characters of the longest question that is remembered, headers included.
RECALLED_LENGTH = 4096
#: Up to so many bytes a release is compared with its manifest before it is served: it takes a fifth of a second.
COMPARED_FIRST = 256 << 20
#: Bytes of a larger one that are compared a second, at most: going through it as fast as possible would drive what
#: requests need out of the processor's caches.
COMPARED_PER_S = 32 << 20


class HeavyWork:
    """Work that takes longer than the event loop should stand still: some at once, some waiting in turn, no more."""

    def __init__(self) -> None:
        self.threads = CapacityLimiter(HEAVY_THREADS)
        #: Requests whose work is being done or waits.
        self.requests = 0

    async def do(self, work: Callable[[], T]) -> T:
        """Do work in a thread. Raises Busy."""
        if self.requests >= HEAVY_REQUESTS:
            raise Busy("Too many requests for searches, counts and exports are under way.", headers=RETRY)
        self.requests += 1
        try:
            return await anyio.to_thread.run_sync(work, limiter=self.threads)
        finally:
            self.requests -= 1


def _tell(future: asyncio.Future[str | None], damage: str | None) -> None:
    if not future.done():
        future.set_result(damage)


@dataclass(frozen=True, slots=True)
class MirrorMark:
    """Says that what is served is a mirror: of which address, and when that was last found to serve the same release, to the
    minute (UTC, RFC 3339); None where it never was.
    """

    of: str
    seen_at: str | None

    @property
    def header(self) -> tuple[bytes, bytes]:
        """The header of every answer of a mirror."""
        seen = "" if self.seen_at is None else f'; seen="{self.seen_at}"'
        return b"archive-mirror", f"<{self.of}>{seen}".encode("ascii", "replace")


def is_compared_first(manifest: Manifest) -> bool:
    """Tell whether a release is so small that it is compared with its manifest before it is served, not meanwhile."""
    return sum(file.bytes for file in manifest.files.values()) <= COMPARED_FIRST


class Served:
    """One release being served, and how many requests hold it. Used on the event loop only."""

    def __init__(self, catalogue: Catalogue, marks: Marks, heavy: HeavyWork) -> None:
        self.catalogue = catalogue
        self._heavy = heavy
        #: The files as they were when they were compared with the manifest.
        self.marks = marks
        #: What tells this publication from every other, also of the same content elsewhere or at another time.
        manifest = catalogue.release.manifest
        self.key = f"{manifest.id} {manifest.number} {manifest.published_at}"
        #: What every answer says of where it comes from: the release, and that this is a mirror where it is one. Another list
        #: whenever that changes.
        self.headers = [(b"archive-release", manifest.id.encode())]
        self.mirror: MirrorMark | None = None
        self._holders = 0
        self._retired = False
        self._recall = lru_cache(RECALLED)(self._do)

    @property
    def standing_key(self) -> str:
        """What answers depend on that show how old a mirror is."""
        return self.key if self.mirror is None else f"{self.key} {self.mirror.seen_at}"

    def mark(self, mirror: MirrorMark | None) -> None:
        """Say from now on that this is a mirror."""
        if mirror != self.mirror:
            self.mirror = mirror
            self.headers = [self.headers[0], *([] if mirror is None else [mirror.header])]

    async def apart(self, work: Callable[..., T], *arguments: object) -> T:
        """Do in a thread what takes too long for the event loop, with a connection that was opened beforehand: it goes on
        when the release has been removed. Raises Busy.
        """

        def do() -> T:
            with self.catalogue.release.lent_connection():
                return work(*arguments)

        return await self._heavy.do(do)

    def recall(self, work: Callable[..., T], *given: Hashable) -> T:
        """Return what `work` returns, given this release and these arguments: what it did for the last of them is
        remembered.
        """
        length = 0
        for each in given:  # a generator would take as long as all else here
            if isinstance(each, bytes | str):
                length += len(each)
        if length > RECALLED_LENGTH:
            return work(self, *given)
        return self._recall(work, *given)  # type: ignore[return-value] # the cache forgets the type

    def _do(self, work: Callable[..., object], *given: Hashable) -> object:
        return work(self, *given)

    def hold(self) -> None:
        self._holders += 1

    def let_go(self) -> None:
        self._holders -= 1
        self._close_if_done()

    def retire(self) -> None:
        """Close the release once nobody holds it."""
        self._retired = True
        self._close_if_done()

    def _close_if_done(self) -> None:
        if self._retired and self._holders == 0:
            self._recall.cache_clear()
            self.catalogue.release.close()


class Serving:
    """The release that new requests are answered from, if any, and the watch for the next."""

    def __init__(self, data: Path, *, verify: bool = True, follows: bool = False) -> None:
        """`follows`: whether releases come from a depot or another archive, of which another process writes down how that
        goes.
        """
        self._data = data
        self._follows = follows
        #: How following goes; None where nothing is followed, or that is not known yet.
        self.standing: Standing | None = None
        self._verify = verify
        self._served: Served | None = None
        self._watch: asyncio.Task[None] | None = None
        self._comparison: asyncio.Task[None] | None = None
        #: Shared by all long answers: each takes a thread for one piece at a time, in turn.
        self.stream_threads = CapacityLimiter(STREAM_THREADS)
        #: For compressing large answers.
        self.compression_threads = CapacityLimiter(COMPRESSION_THREADS)
        self.heavy = HeavyWork()
        # Why there is no release, why a newer one was refused, or what is wrong with the one being served.
        self._trouble: str | None = None
        #: Whether the trouble is a release that is broken, and not that there is none.
        self._broken = False
        # What was looked at last, whole or not: it is looked at again when it was touched.
        self._seen: tuple[Path, Marks] | None = None
        # When a release that could not be opened for an unforeseen reason is tried again, by the monotonic clock, and how
        # long was waited before.
        self._retry_at = float("inf")
        self._retry_after = LOOK_EVERY_S
        self._looked_at = time.monotonic()

    @property
    def trouble(self) -> str | None:
        """Why there is no release, why a newer one was refused, what is wrong with the one being served, that nobody looks
        for a newer one, or that none can be had from where they come from; None where all is well.
        """
        silent = self.seconds_since_look
        if self._trouble is None and silent > LOOK_OVERDUE_S:
            return f"the data folder has not been looked at for {silent:.0f} seconds"
        elsewhere = None if self.standing is None else self.standing.trouble
        # That nothing was published yet says less than why nothing comes.
        return elsewhere or self._trouble if self._served is None else self._trouble or elsewhere

    @property
    def seconds_since_look(self) -> float:
        """Seconds since the data folder was last looked at for a newer release. More than a few mean that withdrawals do
        not arrive.
        """
        return time.monotonic() - self._looked_at

    @property
    def served(self) -> Served | None:
        """The release that a request which comes now is answered from."""
        return self._served

    def of(self, scope: Scope) -> Served:
        """Return the release that a request began with. Raises NotReady, or Broken where there is one but not whole."""
        served: Served | None = scope["state"]["served"]
        if served is None and self._broken:
            raise Broken("The release is damaged and cannot be opened.", headers=RETRY)
        if served is None:
            raise NotReady("No release has been published yet, or it cannot be opened.", headers=RETRY)
        return served

    async def start(self) -> None:
        """Open the current release, if there is one, and begin to watch for the next."""
        await self._look()
        # Later releases are always verified: they were not there when the operator started the server.
        self._verify = True
        self._watch = asyncio.create_task(self._keep_looking())

    async def stop(self) -> None:
        """Stop watching and close the release."""
        for task in (self._watch, self._comparison):
            if task is not None:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        self._stop_serving()

    async def _keep_looking(self) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            await self._look()

    async def _look(self) -> None:
        """Move over to the current release if it is another one than that being served, or was touched. Whatever goes wrong
        becomes trouble: a watch that ended would keep withdrawals from arriving, and nobody would know.
        """
        try:
            await self._look_at_current()
            if self._follows:
                self._look_at_standing()
        except Exception as error:  # noqa: BLE001 - nothing may end the watch
            self._fail(error)
        self._looked_at = time.monotonic()

    def _look_at_standing(self) -> None:
        """Read how following goes, and say on answers what a mirror has to say."""
        self.standing = read_standing(self._data) or self.standing
        if self._served is not None:
            self._served.mark(self.mirror)

    @property
    def mirror(self) -> MirrorMark | None:
        """What answers have to say where this is a mirror."""
        if self.standing is None or self.standing.kind != "mirror":
            return None
        seen = self.standing.seen_at
        # To the minute: answers that are kept say it, too.
        return MirrorMark(self.standing.address, None if seen is None else f"{seen[:16]}:00Z")

    async def _look_at_current(self) -> None:
        before, self._seen = self._seen, None
        due = time.monotonic() >= self._retry_at
        if due:
            self._retry_at = float("inf")
        try:
            folder = current_folder(self._data)
            if folder is None:
                if self._follows:
                    self._stop_serving()
                raise NoRelease("no release has been published yet")
            self._seen = (folder, marks_of(folder))
            if self._seen != before or due:
                await self._move_to(folder)
        except ReleaseDamaged as error:
            self._report(str(error), broken=True)
        except (ReleaseError, OSError, sqlite3.Error) as error:
            self._seen = None
            self._report(str(error), broken=False)

    def _stop_serving(self) -> None:
        """Show nothing more: what was served has been taken down, since something in it was taken back."""
        if self._served is not None:
            self._served.retire()
            self._served = None

    async def _move_to(self, folder: Path) -> None:
        """Serve the release in `folder`. Where it is damaged and is the one being served, go on with what is whole of it. Where
        nothing is being served, and its index of words alone is damaged, begin with what is whole of it. Raises ReleaseDamaged.
        """
        before = self._served
        try:
            opened = await asyncio.to_thread(self._open, folder, in_part=before is None)
        except ReleaseDamaged:
            if before is not None and before.catalogue.release.folder == folder:
                await asyncio.to_thread(before.catalogue.release.look_for_damage)
            raise
        try:
            opened.catalogue.release.connection()  # the event loop's own, while the files are there
        except BaseException:
            opened.catalogue.release.close()
            raise
        if self._follows:
            opened.mark(self.mirror)
        self._served = opened
        manifest = opened.catalogue.release.manifest
        named = {"release": manifest.id, "number": manifest.number}
        log_event(logging.INFO, "release_served", f"serving release {folder.name}", **named)
        self._trouble, self._broken = None, False
        if (damage := opened.catalogue.release.damage) is not None:
            self._report(damage, broken=True)
        self._retry_after = LOOK_EVERY_S
        if not is_compared_first(manifest):
            self._comparison = asyncio.create_task(self._compare(opened))
        if before is not None:
            before.retire()

    async def _compare(self, served: Served) -> None:
        """Compare a large release with its manifest while it is being served."""
        loop = asyncio.get_running_loop()
        compared: asyncio.Future[str | None] = loop.create_future()

        def compare() -> None:
            if sys.platform == "linux":  # elsewhere a thread has no priority of its own
                os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 19)  # requests come first
            try:
                damage = served.catalogue.release.look_for_damage(
                    pause=partial(time.sleep, HASH_CHUNK / COMPARED_PER_S)
                )
            except Exception as error:  # noqa: BLE001 - a comparison that fails must not pass for one that found nothing
                damage = f"the release cannot be compared with its manifest ({type(error).__qualname__})"
            with contextlib.suppress(RuntimeError):  # the server has stopped meanwhile
                loop.call_soon_threadsafe(_tell, compared, damage)

        threading.Thread(target=compare, daemon=True).start()
        damage = await compared
        if damage is not None and served is self._served:
            self._report(damage, broken=True)

    def doubt(self, error: Exception, served: Served | None) -> Problem | None:
        """Return the problem that an error is where it comes from damage to the release it was read from, which is then
        looked at closely; None where it has another cause.
        """
        if served is None:
            return None
        folder = served.catalogue.release.folder
        if not isinstance(error, ReleaseDamaged):
            if served.marks == marks_of(folder) and not isinstance(error, sqlite3.DatabaseError):
                return None
            self._seen = None
            self._report(f"{folder.name}: reading from it failed ({type(error).__qualname__})", broken=True)
        return Broken("What was asked for cannot be read: the release is damaged.", headers=RETRY)

    def _open(self, folder: Path, *, in_part: bool) -> Served:
        marks = marks_of(folder)
        verify = self._verify and is_compared_first(read_manifest(folder))
        release = open_release(folder, verify=verify, in_part=in_part)
        release.prepare_streams(STREAM_THREADS + HEAVY_THREADS)
        return Served(Catalogue(release), marks, self.heavy)

    def _report(self, trouble: str, *, broken: bool) -> None:
        """Say once what is wrong; the release being served, if any, goes on being served."""
        self._broken = broken
        if trouble != self._trouble:
            self._trouble = trouble
            log_event(logging.WARNING, "release_damaged" if broken else "release_missing", trouble)

    def _fail(self, error: Exception) -> None:
        """Say that the current release cannot be opened, for a reason nobody foresaw, and when to try again. What the error
        says is left out: it may hold what records hold.
        """
        self._retry_at = time.monotonic() + self._retry_after
        self._retry_after = min(2 * self._retry_after, RETRY_AT_MOST_S)
        self._broken = True
        name = type(error).__qualname__
        trouble = f"the current release cannot be opened: {name}"
        if trouble != self._trouble:
            self._trouble = trouble
            shown = "".join(traceback.format_tb(error.__traceback__))
            log_event(logging.ERROR, "release_not_opened", trouble, error=name, traceback=shown)
