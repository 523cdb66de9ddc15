"""How far long work is, told to whoever wants to know."""

from typing import Protocol


class Progress(Protocol):
    """Told, now and then, of a stage by name, how much of it is done, and how much there is; 0 where that is not known."""

    def __call__(self, stage: str, done: int, total: int) -> None: ...


def silent(stage: str, done: int, total: int) -> None:
    """Tell nobody."""
