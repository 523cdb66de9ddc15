"""What `serve` and `publish` tell the operator: plain sentences, or lines of the log where machines read it."""

import logging
import logging.config
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from service.cli.output import say
from service.errors import TestimonyArchiveError
from service.http.logs import log_event, logging_config
from service.settings import LogFormat, Settings


@contextmanager
def failures_logged(settings: Settings) -> Iterator[None]:
    """Where machines read the log, write a failure there too, and exit with code 1."""
    if settings.log_format is LogFormat.LINE:
        yield
        return
    logging.config.dictConfig(logging_config(settings.log_format))
    try:
        yield
    except TestimonyArchiveError as error:
        log_event(logging.ERROR, "failed", str(error))
        raise typer.Exit(1) from None


def tell(settings: Settings, event: str, message: str, **members: object) -> None:
    """Tell the operator of an event: in the log where machines read it, else as a plain sentence."""
    if settings.log_format is LogFormat.JSON:
        log_event(logging.INFO, event, message, **members)
    else:
        say(message)
