"""`serve --watch`: publishes the archive again at each save. Another process does it, so that answers do not wait for it."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import watchfiles

from service.archive.writing import written_whole
from service.pages.findings import FINDINGS
from service.settings import Settings

#: How often to look, in milliseconds, where no save was noticed.
_LOOK_MS = 1000
#: What is told of an event: its name, a sentence, and what machines read beside it.
Tell = Callable[..., None]


@contextmanager
def watched(settings: Settings, archive: Path, tell: Tell) -> Iterator[None]:
    """Publish an archive whenever it is saved, while the block runs. What is wrong with it is told, and shown on a page; the
    release that was published last goes on being served.
    """
    stopped = threading.Event()
    watcher = threading.Thread(target=_watch, args=(settings, archive.absolute(), tell, stopped), daemon=True)
    watcher.start()
    try:
        yield
    finally:
        stopped.set()
        watcher.join()


def _watch(settings: Settings, archive: Path, tell: Tell, stopped: threading.Event) -> None:
    # An editor puts another file in the place of the one that it saves: so the folder is watched, not the file.
    folder = archive if archive.is_dir() else archive.parent
    last: object = None
    # What is saved while the archive is being published is seen by the next look, which comes each second at the latest.
    looks = watchfiles.watch(
        folder,
        stop_event=stopped,
        recursive=archive.is_dir(),
        raise_interrupt=False,
        rust_timeout=_LOOK_MS,
        yield_on_timeout=True,
    )
    for _ in looks:
        if (state := _state(archive)) != last:
            last = state
            publish_and_keep(settings, archive, tell)


def _state(archive: Path) -> list[tuple[str, int, int]]:
    """Return what is another after a save: the name, size and time of change of each file of the archive."""
    files = sorted(archive.rglob("*")) if archive.is_dir() else [archive]
    state = []
    for path in files:
        with suppress(FileNotFoundError):  # an editor's file that comes and goes
            of = path.stat()
            state.append((str(path), of.st_size, of.st_mtime_ns))
    return state


def publish_and_keep(settings: Settings, archive: Path, tell: Tell) -> None:
    """Publish an archive in another process, and keep what it found for the page."""
    command = [sys.executable, "-m", "service", "publish", str(archive), "--json"]
    environment = os.environ | settings.as_environment()
    # The arguments are this program and the archive that the operator named.
    ran = subprocess.run(command, capture_output=True, env=environment, check=False)  # noqa: S603
    outcome = _outcome(ran)
    found = len(outcome["findings"])
    if outcome["ok"]:
        tell("watched", f"Published {archive.name}, as it was saved.", changed=outcome.get("changed"))
    else:
        tell("watched", f"{archive.name} was saved and not published: {found} findings, at /findings.", findings=found)
    shown = {
        "archive": archive.name,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "ok": outcome["ok"],
        "findings": outcome["findings"],
        "more": outcome.get("more", False),
    }
    with written_whole(settings.data / FINDINGS, mode=0o600) as file:
        file.write(json.dumps(shown).encode())


def _outcome(ran: subprocess.CompletedProcess[bytes]) -> dict[str, Any]:
    try:
        outcome: dict[str, Any] = json.loads(ran.stdout)
    except ValueError:
        said = ran.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        return {"ok": False, "findings": [{"code": "", "severity": "error", "pointer": "", "detail": said}]}
    return outcome
