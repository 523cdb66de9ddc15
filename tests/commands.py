"""The command in processes of its own, forked from one that has imported everything: `python -m service` works for most of a
second before it begins, and tests start it a hundred times. How it begins is for tests/cli.

Run as a program, this is the process that is forked from: it takes one order after the other from a socket, which is its
standard input, and ends with it.
"""

import atexit
import contextlib
import ctypes
import io
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import traceback
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import IO, Any, NoReturn

import service.__main__
import service.app
from service.cli.app import main
from tests.warming import warm_up

ROOT = Path(__file__).parent.parent
#: Bytes of an order, at most: arguments, environment and folder.
ORDER_BYTES = 1 << 17
#: Of prctl(2): whoever has no parent any more becomes a child of this process, which alone can wait for it then.
PR_SET_CHILD_SUBREAPER = 36


class Command:
    """A command that runs, with the methods of `subprocess.Popen`. There is nothing on its standard input; what it says on
    standard error is read from `stderr`, unless it goes into a file. Needs Linux.
    """

    def __init__(
        self,
        *arguments: object,
        stdout: IO[Any] | None = None,
        stderr: IO[Any] | None = None,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.stderr: IO[str] | None = None
        self.returncode: int | None = None
        order = {
            "arguments": [*map(str, arguments)],
            "environment": dict(os.environ if env is None else env),
            "folder": str(Path.cwd()),
        }
        with contextlib.ExitStack() as handed_over:
            nothing = handed_over.enter_context(Path(os.devnull).open("r+"))
            if stderr is None:
                reading, writing = os.pipe()
                self.stderr = os.fdopen(reading)
                stderr = handed_over.enter_context(os.fdopen(writing, "w"))
            files = [each.fileno() for each in (nothing, stdout or nothing, stderr)]
            server = _server()
            socket.send_fds(server, [json.dumps(order).encode()], files)
            self.pid = int(server.recv(100))
        self._ended = os.pidfd_open(self.pid)

    def poll(self) -> int | None:
        """Return the exit code where it has ended; a signal's number below zero."""
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                os.close(self._ended)
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end, for some seconds at most."""
        if self.poll() is None:
            select.select([self._ended], [], [], timeout)
        code = self.poll()
        if code is None:
            raise subprocess.TimeoutExpired("the command", timeout or 0)
        return code

    def communicate(self, timeout: float | None = None) -> tuple[None, str]:
        """Return nothing and all that it says until it ends."""
        assert self.stderr is not None
        with self.stderr:
            said = self.stderr.read()
        self.wait(timeout)
        return None, said

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


@cache
def _server() -> socket.socket:
    """Start the process that is forked from, once, and return the socket for orders."""
    assert ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1) == 0
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        server = subprocess.Popen([sys.executable, "-m", "tests.commands"], stdin=theirs.fileno(), cwd=ROOT)

    def stop() -> None:
        ours.close()
        server.wait()

    atexit.register(stop)
    return ours


# --- The process that is forked from -----------------------------------------------------------------------------------


def _take_orders() -> None:
    warm_up()
    orders = socket.socket(fileno=os.dup(0))
    while True:
        order, files, _, _ = socket.recv_fds(orders, ORDER_BYTES, 3)
        if not order:
            return
        # A child of a child whose parent has ended belongs to the process of the tests.
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            if (command := os.fork()) == 0:
                for each in (orders.fileno(), reading, writing):
                    os.close(each)
                _be_command(json.loads(order), files)
            os.write(writing, str(command).encode())
            os._exit(0)
        os.waitpid(child, 0)
        orders.send(os.read(reading, 100))
        for each in (reading, writing, *files):
            os.close(each)


def _be_command(order: dict[str, Any], files: list[int]) -> NoReturn:
    """Do what `python -m service` does, and end as Python ends."""
    for number, each in enumerate(files):
        os.dup2(each, number)
        os.close(each)
    os.chdir(order["folder"])
    os.environ.clear()
    os.environ.update(order["environment"])
    is_unbuffered = bool(os.environ.get("PYTHONUNBUFFERED"))
    for number, name in ((1, "stdout"), (2, "stderr")):
        raw = open(number, "wb", buffering=0 if is_unbuffered else -1, closefd=False)  # noqa: SIM115 - no path
        stream = io.TextIOWrapper(raw, encoding="utf-8", line_buffering=number == 2, write_through=is_unbuffered)
        setattr(sys, name, stream)
    # Processes that it starts in turn, and what it says of itself, go by the program that Python was started with.
    sys.modules["__main__"] = service.__main__
    sys.argv = [service.__main__.__file__, *order["arguments"]]
    code: Any = 1
    try:
        main()
    except SystemExit as left:
        code = left.code or 0
    except BaseException:  # noqa: BLE001 - told as Python tells it
        traceback.print_exc()
    threading._shutdown()  # type: ignore[attr-defined] # waits for threads
    atexit._run_exitfuncs()
    with contextlib.suppress(OSError):
        sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    _take_orders()
