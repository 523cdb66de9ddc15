"""An error of validation as a finding: the shape of one record, told without repeating what was written."""

import re
from collections.abc import Iterator
from difflib import get_close_matches
from functools import cache

from pydantic_core import ErrorDetails

from service.archive.checks.rules import RULES
from service.archive.fields import FormatField, fields_of
from service.archive.model import RECORD_MODELS, Access, Head
from service.archive.reading import Finding, join_pointer

_TYPES = {
    "string_type": "a text",
    "int_type": "a whole number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "an object",
    "model_type": "an object",
}
_VALUES = {
    "literal_error": "must be one of {expected}",
    "string_too_short": "must not be empty",
    "string_too_long": "must have at most {max_length} characters",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "too_long": "must have at most {max_length} entries",
    "too_short": "must have at least {min_length} entries",
}

_DATE_LIKE = re.compile(r"[0-9X?~%./:+TZ-]*")


def _explain_access(kind: str, steps: list[str | int]) -> Finding:
    """Tell where in `access` something is wrong, and nothing of it: who keeps a name there may have put it anywhere."""
    if kind == "extra_forbidden":
        return Finding("unknown_field", "/access", "The format has no such field here.")
    known = [step for step in steps if step == "access" or step in Access.model_fields]
    code = kind if kind in RULES else "invalid_type" if kind.endswith("_type") else "invalid_value"
    return Finding(code, join_pointer(known), "This is none of the values that the format has here.")


@cache
def _field_names() -> list[str]:
    def walk(fields: tuple[FormatField, ...]) -> Iterator[str]:
        for each in fields:
            yield each.name
            yield from walk(each.inner)

    return sorted({name for model in (*RECORD_MODELS.values(), Head) for name in walk(fields_of(model))})


def explain(error: ErrorDetails) -> Finding:
    """Turn an error of validation into a finding that repeats nothing of the input."""
    steps = list(error["loc"])
    return _explain_access(error["type"], steps) if steps[:1] == ["access"] else _explain(error, steps)


def _explain(error: ErrorDetails, steps: list[str | int]) -> Finding:
    kind, context = error["type"], error.get("ctx", {})
    if kind == "extra_forbidden":
        close = get_close_matches(str(steps[-1])[:80], _field_names(), n=1, cutoff=0.75)
        detail = f"The format has no such field here{f': did you mean {close[0]}?' if close else '.'}"
        return Finding("unknown_field", join_pointer(steps), detail)
    if kind == "missing":
        return Finding("missing_field", join_pointer(steps[:-1]), f"`{steps[-1]}` is required.")
    name = next((f"`{step}`" for step in reversed(steps) if isinstance(step, str)), "The record")
    if steps[-1:] == ["[key]"]:  # how Pydantic says that the key of an entry is what is wrong
        name = "The key"
        steps.pop()
    if kind in RULES:
        text = error["msg"]
        if kind == "invalid_date" and not _DATE_LIKE.fullmatch(error["input"]):
            # Its message repeats what was written, which may be anything if it isn't near a date.
            text = "must be a date, such as 2021, 2021-05, 2021-05-09 or 2021-05-XX"
        # The model's own messages go on from the name of the field; those of dates are sentences.
        detail = f"{name} {text}." if text.startswith(("is ", "must ")) else text
        return Finding(kind, join_pointer(steps), detail)
    if kind == "too_short" and steps[-1] == "citations":
        return Finding("missing_evidence", join_pointer(steps), "At least one citation is required.")
    if kind.endswith("_type"):
        detail = f"{name} must be {_TYPES.get(kind, 'of another type')}."
        return Finding("invalid_type", join_pointer(steps), detail)
    expected = _VALUES.get(kind, "holds characters that it must not hold").format(**context).replace("'", "")
    return Finding("invalid_value", join_pointer(steps), f"{name} {expected}.")
