"""Jinja, set up for these pages: what is shown is escaped, what is missing is an error, and nothing is paid for that no template uses."""

from collections.abc import Callable
from importlib.resources import files
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from jinja2.runtime import Context

#: Calls for each of which Jinja looks six times whether it wants the context first. None of ours does.
_GIVEN_BY_JINJA = ("_loop_vars", "_block_vars")


class _Context(Context):
    """Calls what templates call as it stands."""

    def call(self, called: Callable[..., Any], /, *given: Any, **named: Any) -> Any:  # noqa: ANN401 - whatever is called
        """Call a function or a macro. A third of the time of a page went into finding out what it might want besides."""
        for name in _GIVEN_BY_JINJA:
            named.pop(name, None)
        return called(*given, **named)


class _Environment(Environment):
    """Looks into dictionaries first: documents are dictionaries, and it is their keys that templates name."""

    context_class = _Context

    def getattr(self, obj: Any, attribute: str) -> Any:  # noqa: ANN401 - as Jinja declares it
        """Return the value of a key, or the attribute where there is no such key."""
        if type(obj) is dict and attribute in obj:
            return obj[attribute]
        return super().getattr(obj, attribute)


def new_environment() -> Environment:
    """Return an environment for the templates of pages."""
    return _Environment(
        loader=FileSystemLoader(str(files("service.pages") / "templates")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
