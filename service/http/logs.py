"""What the server tells its operator, as lines for people or as JSON for machines. One line an event, and in none of them
what was asked or by whom, unless the operator asked for that.
"""

import logging
import time
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import orjson

from service.errors import AnswerCutShort
from service.settings import LogFormat

#: Seconds between two lines that strangers can cause: a server gives thousands of answers a second.
TELL_EVERY_S = 10.0

logger = logging.getLogger("testimony_archive")


def log_event(level: int, event: str, message: str, **members: object) -> None:
    """Write one line: `event` is its stable name, `message` a sentence for people, `members` what machines want of it.

    A member `traceback` is shown below the line where lines are for people.
    """
    logger.log(level, "%s", message, extra={"event": event, "members": members})


class Lines(logging.Formatter):
    """A line for people: time, level, sentence."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        below = _members(record).get("traceback")
        return super().format(record) + (f"\n{below}" if below else "")


class JsonLines(logging.Formatter):
    """A JSON object: `time` (UTC, RFC 3339), `level`, `event`, `message`, `pid`, and the members of the event. Lines of
    libraries have the event `log`.
    """

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.__dict__.get("event", "log"),
            "message": record.getMessage(),
            "pid": record.process,
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return orjson.dumps(line | _members(record), default=str).decode()


class WithoutCutAnswers(logging.Filter):
    """Leaves out what the server says, with a traceback, of an answer that was cut short: it has been told why, and a
    reader who stops reading must not fill the log.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        return not isinstance(error, AnswerCutShort)


class Seldom(logging.Filter):
    """Lets a warning of the server through once in a while, with how many there were: rubbish that strangers send, however
    much of it, must not fill the log.
    """

    def __init__(self) -> None:
        super().__init__()
        self._next: dict[str, float] = {}
        self._untold: Counter[str] = Counter()

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether a line is to be written."""
        if record.name != "uvicorn.error" or record.levelno != logging.WARNING:
            return True
        now, said = time.monotonic(), record.msg
        if now < self._next.get(said, 0.0):
            self._untold[said] += 1
            return False
        self._next[said] = now + TELL_EVERY_S
        if untold := self._untold.pop(said, 0):
            record.msg = f"{said} ({untold} more before)"
        return True


def _members(record: logging.LogRecord) -> dict[str, Any]:
    members: dict[str, Any] = record.__dict__.get("members", {})
    return members


def logging_config(form: LogFormat) -> dict[str, Any]:
    """Return the configuration of logging: warnings and errors of all, and of our own also what is merely news."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"chosen": {"()": JsonLines if form is LogFormat.JSON else Lines}},
        "filters": {"told": {"()": WithoutCutAnswers}, "seldom": {"()": Seldom}},
        "handlers": {
            "stderr": {"class": "logging.StreamHandler", "formatter": "chosen", "filters": ["told", "seldom"]}
        },
        "root": {"handlers": ["stderr"], "level": "WARNING"},
        "loggers": {logger.name: {"level": "INFO"}},
    }
