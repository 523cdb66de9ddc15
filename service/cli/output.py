"""What a command writes: results to standard output, everything else to standard error.

Results are flushed before anything else is said, so that nobody reads of a success whose result could not be written.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO

import orjson


def print_line(text: str) -> None:
    """Write a line of the result."""
    sys.stdout.write(text + "\n")


def print_json(value: object) -> None:
    """Write the result as indented JSON."""
    sys.stdout.flush()
    sys.stdout.buffer.write(orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))


@contextmanager
def standard_output() -> Iterator[BinaryIO]:
    """Yield standard output for bytes; raise OSError where not all of them could be written."""
    yield sys.stdout.buffer
    sys.stdout.flush()


def say(text: str) -> None:
    """Tell the operator something that is no result, after the results so far are written."""
    sys.stdout.flush()
    _write_error(text)


def fail(text: str, code: int) -> int:
    """Write an error as one line and return the exit code."""
    _write_error("error: " + one_line(" ".join(text.split())))
    return code


def _write_error(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def one_line(text: str) -> str:
    """Return `text` with every invisible character escaped: a key in a file must not steer the terminal."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


def give_up_standard_output() -> None:
    """Send what is still in the buffer nowhere.

    Python flushes once more when it exits. Where that fails (full disk, closed pipe), it would print a traceback and
    exit with 120.
    """
    with suppress(OSError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
