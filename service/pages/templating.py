"""Jinja, set up for these pages: what is shown is escaped, what is missing is an error, and nothing is paid for that no template uses."""

from collections.abc import Callable
from importlib.resources import files
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from jinja2.runtime import Context


class _Context(Context):
    """Calls what templates call as it stands."""

    def call(
        self,
        called: Callable[..., Any],
        /,
        *given: Any,  # noqa: ANN401 - whatever is called takes and returns
        _loop_vars: object = None,
        _block_vars: object = None,
        **named: Any,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401
        """Call a function or a macro. Jinja would look six times first whether it wants the context, which none of ours does;
        it gives the variables of loops and blocks for those that do.
        """
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
