"""The server process, or several: uvicorn, set up with what is ours. The application is handed in."""

import ctypes
import gc
import logging
import multiprocessing
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import resource_tracker
from multiprocessing.connection import wait
from typing import Any, Protocol

import uvicorn
from starlette.types import ASGIApp
from uvicorn.supervisors import Multiprocess

from service import __version__
from service.errors import TestimonyArchiveError
from service.http.connections import BoundedConnection, make_room
from service.http.fast_path import FastConnection, changed_parts
from service.http.logs import log_event, logging_config
from service.settings import Settings

#: Seconds that requests under way are given when the server is stopped; container engines wait ten.
GRACE_S = 8
#: Bytes from which a piece of memory is the system's again as soon as it is free. Getting one anew takes longer, so a page of 200
#: records, two thirds of this, is not such a piece.
GIVEN_BACK_FROM = 1 << 20
#: Bytes of free memory that a process keeps at its end: an answer needs no more.
KEPT_FREE = 4 << 20
# Their numbers in malloc.h.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
#: Seconds that worker processes are given to start.
START_S = 60


class Tell(Protocol):
    """Tells the operator of an event: its name, a sentence, and what machines want of it."""

    def __call__(self, event: str, message: str, **members: object) -> None: ...


class _Server(uvicorn.Server):
    """Says where it listens when it does."""

    def __init__(self, config: uvicorn.Config, announce: Callable[[socket.socket], None]) -> None:
        super().__init__(config)
        self.announce = announce

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        if self.started and sockets:
            self.announce(sockets[0])

    def stop(self, *_: object) -> None:
        """Stop once the requests under way are finished: a signal handler."""
        self.should_exit = True


class _Workers(Multiprocess):
    """Says where it listens once every worker answers, and ends where one cannot start."""

    started = False

    def __init__(self, config: uvicorn.Config, bound: socket.socket, announce: Callable[[socket.socket], None]) -> None:
        super().__init__(config, sockets=[bound])
        self.announce = announce

    def init_processes(self) -> None:
        # Ctrl+C reaches every process of a terminal. The workers, who inherit what is blocked, leave it to this one.
        resource_tracker.ensure_running()  # started by the first worker otherwise, which unblocks the signal (3.11)
        before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
        try:
            super().init_processes()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        self.started = all(process.wait_until_ready(START_S, self.should_exit) for process in self.processes)
        if self.started:
            self.announce(self.sockets[0])
        else:
            self.should_exit.set()


def connection_class(settings: Settings) -> type[BoundedConnection]:
    """Return the class of connections that the settings ask for."""
    if not settings.fast_path:
        return BoundedConnection
    if changed := changed_parts():
        log_event(
            logging.WARNING,
            "fast_path_off",
            f"answering below ASGI is off: this uvicorn is another than it was made for ({'; '.join(changed)})",
        )
        return BoundedConnection
    return FastConnection


def run_server(
    settings: Settings, bound: socket.socket, *, application: Callable[[], ASGIApp], worker: str, tell: Tell
) -> None:
    """Answer requests at an address until SIGTERM or SIGINT; requests under way are finished. `tell` is told of the start
    and the end. Raises TestimonyArchiveError where worker processes do not start.

    `application` makes what answers where this process does. Where others do, `worker` is where they find a function that
    makes it from the settings in the environment: `module:function`.
    """

    def announce(listening: socket.socket) -> None:
        host, port = listening.getsockname()[:2]
        shown = f"[{host}]" if ":" in host else host
        message = f"Serving at http://{shown}:{port}/v1 (documentation: http://{shown}:{port}/docs). Stop with Ctrl+C."
        tell("started", message, version=__version__, host=host, port=port, workers=settings.workers)

    common: dict[str, Any] = {
        "loop": "uvloop",
        "http": connection_class(settings),
        "ws": "none",
        "lifespan": "on",
        "access_log": False,
        "proxy_headers": False,  # believed by our own rule: see http/middleware.py
        "server_header": False,
        "log_config": logging_config(settings.log_format),
        "timeout_graceful_shutdown": GRACE_S,
    }
    make_room()
    if settings.workers == 1:
        server = _Server(uvicorn.Config(application(), **common), announce)
        settle()
        # Before uvicorn listens to signals itself, and when it raises the one that stopped it once more at its end.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, server.stop)
        server.run(sockets=[bound])
        tell("stopped", "Stopped.")
        return
    os.environ.update(settings.as_environment())
    config = uvicorn.Config(worker, factory=True, workers=settings.workers, **common)
    workers = _Workers(config, bound, announce)
    workers.run()
    if not workers.started:
        raise TestimonyArchiveError("the worker processes did not start")
    tell("stopped", "Stopped.")


def settle() -> None:
    """Tell the garbage collector that what a process has set up stays: going through it again and again would make
    requests wait for tens of milliseconds. For a process that only serves, before it does.
    """
    gc.collect()
    gc.freeze()
    _give_memory_back()


def _give_memory_back() -> None:
    """Let the C library give large pieces of memory back to the system when they are free. By itself it keeps pieces as large as
    the largest so far, and long answers of changing length leave gaps: 17 MB under load. Only GNU's can be told.
    """
    if sys.platform == "linux":
        with suppress(AttributeError):
            mallopt = ctypes.CDLL(None).mallopt
            mallopt(_M_MMAP_THRESHOLD, GIVEN_BACK_FROM)
            mallopt(_M_TRIM_THRESHOLD, KEPT_FREE)


def end_with_parent() -> None:
    """Stop this worker process once its parent is gone, killed for one: nobody else would, and its port would stay taken."""
    threading.Thread(target=_wait_for_parent, daemon=True).start()


def _wait_for_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os.kill(os.getpid(), signal.SIGTERM)
