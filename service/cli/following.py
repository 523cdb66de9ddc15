"""The process that follows a depot or another archive for `serve`: started again where it ends by itself, ended with the
server.
"""

import contextlib
import logging
import logging.config
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import service
from service.depots.following import Follower, Source
from service.http.logs import log_event, logging_config
from service.settings import Settings, read_settings

#: How much less urgent than requests the work is (`nice`).
NICENESS = 10
#: Seconds until a process that ended by itself is started again.
RESTART_S = 5.0


def source_of(settings: Settings) -> Source:
    """Return what the settings say is to be followed. Raises SettingsInvalid, SigningKeyUnusable."""
    # Each brings its own client, which takes a while to import.
    if settings.depot is not None:
        from service.depots.replicas import Replica  # noqa: PLC0415
        from service.depots.stores import Store  # noqa: PLC0415

        return Replica(Store(settings.depot), settings.data)
    from service.depots.mirrors import Mirror  # noqa: PLC0415
    from service.depots.signatures import read_allowed_signers  # noqa: PLC0415

    assert settings.mirror is not None
    signers = None if settings.allowed_signers is None else read_allowed_signers(settings.allowed_signers)
    return Mirror(settings.mirror, settings.data, signers=signers)


@contextlib.contextmanager
def following(settings: Settings) -> Iterator[None]:
    """Follow what the settings name while the block runs; nothing where they name nothing."""
    if settings.depot is None and settings.mirror is None:
        yield
        return
    # What is wrong with the settings is told now, not in the log of another process.
    source_of(settings).prepare()
    process = _Process(settings)
    try:
        yield
    finally:
        process.stop()


class _Process:
    """The process, and the thread that starts it again."""

    def __init__(self, settings: Settings) -> None:
        # The modules of this process, whatever folder it was started in.
        path = [str(Path(service.__file__).parent.parent), os.environ.get("PYTHONPATH", "")]
        self._environment = os.environ | settings.as_environment() | {"PYTHONPATH": os.pathsep.join(filter(None, path))}
        self._stop = threading.Event()
        self._process = self._start()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _start(self) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            [sys.executable, "-m", "service.cli.following"], stdin=subprocess.PIPE, env=self._environment
        )

    def _watch(self) -> None:
        while True:
            code = self._process.wait()
            if self._stop.wait(RESTART_S):
                return
            log_event(
                logging.ERROR,
                "follower_ended",
                f"what follows the releases ended by itself (exit code {code}); it is started again",
            )
            self._process = self._start()

    def stop(self) -> None:
        """End the process at once. What it was taking over is cleared away when it is started the next time."""
        self._stop.set()
        self._process.kill()
        self._thread.join()


def main() -> None:
    """Follow what the environment says until the parent ends: be the process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a terminal: the parent decides
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with contextlib.suppress(OSError):
        os.nice(NICENESS)
    settings = read_settings()
    logging.config.dictConfig(logging_config(settings.log_format))
    follower = Follower(source_of(settings), settings.data, tell=_tell)
    follower.keep_looking(threading.Event())


def _tell(event: str, message: str) -> None:
    log_event(logging.WARNING if event == "not_followed" else logging.INFO, event, message)


def _end_with_parent() -> None:
    """End this process once its parent is gone, killed for one: nobody else would. Its end of the pipe is closed then."""
    sys.stdin.buffer.read()
    os._exit(0)


if __name__ == "__main__":
    main()
