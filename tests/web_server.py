"""Web servers that tests need beside ours: of plain files, as a front end may lie on, or of whatever a handler answers."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


class _Quiet(SimpleHTTPRequestHandler):
    """Gives files out, and says nothing of it."""

    def log_message(self, *args: Any) -> None:
        pass


@contextmanager
def given_out(folder: Path) -> Iterator[str]:
    """Give the files of a folder out on a free port; yields the address, without a slash at its end."""
    with answering(partial(_Quiet, directory=str(folder))) as address:
        yield address


@contextmanager
def answering(handler: Callable[..., BaseHTTPRequestHandler]) -> Iterator[str]:
    """Answer on a free port as a handler does; yields the address, without a slash at its end."""
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()
