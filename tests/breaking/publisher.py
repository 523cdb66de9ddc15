"""A process that publishes in children of its own and kills them when told to: `python -m tests.breaking.publisher`.

It has imported everything, has published once and has no threads, so that a child is at work at once and can be killed at
any moment of it. It reads an order a line, and answers with a line: how the child ended, and which processes it left behind.
"""

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from service.release.publish import publish
from tests.warming import warm_up

#: Seconds that what a killed publisher has started may go on: on a busy machine it takes some to end.
LINGER_S = 30.0
#: What Python tells of a program that changes the file system, before it does.
_STEPS = frozenset("os.rename os.remove os.symlink os.mkdir os.rmdir os.chmod tempfile.mkdtemp sqlite3.connect".split())


def main() -> None:
    """Carry out orders until there are none."""
    warm_up()
    for line in sys.stdin:
        order = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _be_publisher(order)
        print(json.dumps(_watch(pid, order)), flush=True)


def _be_publisher(order: dict[str, Any]) -> None:
    os.setpgid(0, 0)
    if order["step"] is not None:
        _die_before(order["step"])
    code = 1
    try:
        publish(Path(order["archive"]), Path(order["data"]))
        code = 0
    finally:
        sys.stderr.flush()
        os._exit(code)


def _die_before(step: int) -> None:
    """Kill this process right before it changes the file system for the `step`th time."""
    steps = iter(range(1, 1_000_000))
    publisher = os.getpid()

    def count(event: str, arguments: tuple[Any, ...]) -> None:
        # Opening in order to write counts too: flags are the third argument.
        writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
        if (writes or event in _STEPS) and os.getpid() == publisher and next(steps) == step:
            os.kill(publisher, signal.SIGKILL)

    sys.addaudithook(count)


def _watch(pid: int, order: dict[str, Any]) -> dict[str, Any]:
    """Wait for a child to end, and kill it if that is wanted. Returns how it ended."""
    began = time.monotonic()
    if order["wait"] is not None:
        time.sleep(order["wait"])
        os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    ended = time.monotonic()
    while (left := _group(pid)) and time.monotonic() < ended + LINGER_S:
        time.sleep(0.01)
    return {
        "killed": os.WIFSIGNALED(status),
        "code": os.waitstatus_to_exitcode(status),
        "left": left,
        "took": ended - began,
    }


def _group(leader: int) -> list[int]:
    """Return the processes of a group that are alive."""
    alive = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                # After the name, which stands in brackets: state, parent, group.
                state, _, group = (entry / "stat").read_text().rpartition(")")[2].split()[:3]
            except OSError:
                continue
            if int(group) == leader and state not in "ZX":
                alive.append(int(entry.name))
    return alive


if __name__ == "__main__":
    main()
