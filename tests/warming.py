"""What a process does once before others are forked from it. It imports no more than publishing needs."""

import gc
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from service.release.publish import publish
from tests.archives import archive, write


def warm_up() -> None:
    """Publish once: what a process works out once and remembers would be worked out again by every child."""
    with TemporaryDirectory() as folder:
        publish(write(Path(folder) / "archive.jsonl", archive()), Path(folder) / "data")
    while len(list(Path("/proc/self/task").iterdir())) > 1:
        time.sleep(0.001)  # the engine's threads end a moment after it
    gc.freeze()  # a collection would copy the memory that children share with this process
