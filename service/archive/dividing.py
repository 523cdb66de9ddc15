"""Work on batches, divided between this process and a second one. What comes of them comes in their order.

Knows no archive. The second process ends with this one, however this one ends.
"""

import fcntl
import gc
import multiprocessing
import os
import pickle
import signal
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing, suppress
from multiprocessing.connection import Connection, wait
from typing import Any, Generic, TypeVar

from service.errors import TestimonyArchiveError

Batch = TypeVar("Batch")
Result = TypeVar("Result")

#: Bytes that a pipe is to hold: what Linux allows without being asked.
_PIPE = 1 << 20
#: Batches that may lie in the pipe: then the second process never waits for one. Longer ones than fit are not handed
#: over, so that writing into the pipe never waits either, and the two cannot wait for each other.
_AHEAD = 3
#: Bytes that a message takes in a pipe beside itself, and more.
_FRAME = 64
#: Results that may wait for an earlier one.
_WAITING = 8


def can_divide() -> bool:
    """Tell whether there is a processor for a second process, and pipes that hold enough."""
    return (os.cpu_count() or 1) > 1 and hasattr(fcntl, "F_SETPIPE_SZ")


def divided(work: Callable[[Batch], Result], batches: Iterable[Batch], *, beside: bool) -> Generator[Result]:
    """Yield what `work` makes of each batch, in order; never None. With `beside` a second process works too: the work,
    batches and results have to be of a kind that can be pickled.

    Raises TestimonyArchiveError where the second process ends too early. Closing the generator ends it.
    """
    if not beside:
        yield from map(work, batches)
        return
    with closing(_Second(work)) as second:
        # None stands for a result that the second process is working out.
        waiting: deque[Result | None] = deque()
        for batch in batches:
            waiting.append(None if second.take(batch) else work(batch))
            while waiting and (waiting[0] is not None or second.has_result() or len(waiting) > _WAITING):
                yield from _next(waiting, second)
        while waiting:
            yield from _next(waiting, second)


def _next(waiting: "deque[Result | None]", second: "_Second[Any, Result]") -> Iterator[Result]:
    result = waiting.popleft()
    yield second.result() if result is None else result


class _Second(Generic[Batch, Result]):
    """The second process. Results come in the order in which batches were taken."""

    def __init__(self, work: Callable[[Batch], Result]) -> None:
        # Spawned, not forked: this process may have threads, and locks that they hold.
        context = multiprocessing.get_context("spawn")
        theirs, self._batches = context.Pipe(duplex=False)
        self._results, also_theirs = context.Pipe(duplex=False)
        for pipe in (self._batches, also_theirs):
            with suppress(OSError):  # refused to somebody who has many pipes
                fcntl.fcntl(pipe.fileno(), fcntl.F_SETPIPE_SZ, _PIPE)
        self._longest = fcntl.fcntl(self._batches.fileno(), fcntl.F_GETPIPE_SZ) // _AHEAD - _FRAME
        self._process = context.Process(target=_work_through, args=(work, theirs, also_theirs), daemon=True)
        self._process.start()
        theirs.close()
        also_theirs.close()
        self._taken = 0

    def take(self, batch: Batch) -> bool:
        """Take a batch, unless there is enough to do. Returns whether it was taken."""
        if self._taken == _AHEAD or len(data := pickle.dumps(batch)) > self._longest:
            return False
        try:
            self._batches.send_bytes(data)
        except (BrokenPipeError, ConnectionResetError):
            raise _ended() from None
        self._taken += 1
        return True

    def has_result(self) -> bool:
        return self._results.poll()

    def result(self) -> Result:
        """Return the next result, once it is there."""
        try:
            result: Result = self._results.recv()
        except (EOFError, OSError):
            raise _ended() from None
        self._taken -= 1
        return result

    def close(self) -> None:
        self._process.kill()
        self._process.join()
        self._batches.close()
        self._results.close()


def _ended() -> TestimonyArchiveError:
    return TestimonyArchiveError("the process that helps to check records has ended; nothing was changed")


def _work_through(work: Callable[[Any], object], batches: Connection, results: Connection) -> None:
    """Work on what comes through a pipe: the second process's own work."""
    begin_beside()
    while True:
        results.send(work(batches.recv()))


def begin_beside() -> None:
    """Make this process end at once when its parent does, killed for one, and not before: Ctrl+C reaches both, and the
    parent decides. Nothing it makes holds itself, so it does not look for what does.
    """
    gc.disable()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_await_end_of_parent, daemon=True).start()


def _await_end_of_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os._exit(1)
