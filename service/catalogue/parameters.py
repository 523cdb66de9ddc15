"""Query parameters: the types of their values, and how they are read from an address and refused.

Knows no SQL and no HTTP. What each collection may be asked for is said in `criteria.py`.
"""

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated, Any, ClassVar, Self, TypeVar

import orjson
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WithJsonSchema,
    WrapValidator,
)
from pydantic_core import ErrorDetails, PydanticCustomError

from service.archive.dates import DateError, DateSpan, parse_edtf
from service.catalogue.hints import (
    hint_for_bounds,
    hint_for_choice,
    hint_for_code,
    hint_for_identifier,
    hint_for_key,
    hint_for_limit,
    hint_for_name,
)
from service.errors import InvalidParameters, ParameterError

#: Values of one filter that are read from an address; the same name again means or.
MAX_VALUES = 50
#: The same of a query that is sent as a body.
MAX_POSTED = 10_000
#: The object of a query sent as a body that holds its `NAME!`: among the others, generators of clients would make the same
#: identifier of `topic` and `topic!`.
EXCLUDED = "excluding"
#: Parameters of one request that are read, before any is looked at.
MAX_PARAMETERS = 200
#: Longest value that a message repeats, in characters.
ECHO_LENGTH = 60


# --- Types of parameters ----------------------------------------------------------------------------------------------


# A day, or a month or a year, which stand for the first or the last of their days.
_DAYS = re.compile(r"[0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?")


def _span(value: str) -> DateSpan:
    try:
        if _DAYS.fullmatch(value):
            return parse_edtf(value)
    except DateError:
        pass
    raise PydanticCustomError(
        "day", "is not a day, a month or a year of the calendar, such as YYYY-MM-DD (2021-05-09), 2021-05 or 2021"
    )


def _first_day(value: str) -> str:
    return str(_span(value).earliest)


def _last_day(value: str) -> str:
    return str(_span(value).latest)


def _days_schema(example: str) -> WithJsonSchema:
    years_and_months = {"pattern": "^(?!0000)[0-9]{4}(-(0[1-9]|1[0-2]))?$"}
    return WithJsonSchema({"type": "string", "anyOf": [{"format": "date"}, years_and_months], "examples": [example]})


FirstDay = Annotated[str, AfterValidator(_first_day), _days_schema("2021-01-01")]
LastDay = Annotated[str, AfterValidator(_last_day), _days_schema("2021-12-31")]


# RFC 3339, section 5.6. Python's own reading is wider: it takes week dates and any character for the T.
_MOMENT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}([Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2}))?"
)


def _moment(value: str) -> str:
    """Return a day or a moment as UTC to the second, the form in which records carry `updated_at`."""
    try:
        if not _MOMENT.fullmatch(value):
            raise ValueError
        moment = datetime.fromisoformat(value.upper())
    except ValueError:
        raise PydanticCustomError(
            "moment", "must be a day or a moment with its offset, such as 2026-01-31 or 2026-01-31T12:00:00Z"
        ) from None
    with suppress(OverflowError):  # within a day of year 1 or 9999: no record changed then, in any time zone
        moment = moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}".rjust(20, "0")


Moment = Annotated[
    str,
    AfterValidator(_moment),
    WithJsonSchema(
        {"type": "string", "anyOf": [{"format": "date"}, {"format": "date-time"}], "examples": ["2026-01-31"]}
    ),
]


def whole_number(value: object) -> object:
    """Return a parameter's value, which is refused where it is a number written in another way than with digits."""
    # Pydantic would also read "5.0", " 5" and "5_0".
    if isinstance(value, str) and not re.fullmatch(r"-?[0-9]{1,9}", value):
        raise PydanticCustomError("whole_number", "must be a whole number")
    return value


# Python's own reading also takes `1_0`, `nan`, blanks and the digits of every script.
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,3})?")


def _number(value: object) -> object:
    if isinstance(value, str) and not _NUMBER.fullmatch(value):
        raise PydanticCustomError("number", "must be a number, such as 29 or 0.5")
    return value


def _truth(value: object) -> object:
    if value not in ("true", "false"):
        raise PydanticCustomError("truth", "must be true or false")
    return value == "true"


def split_at_commas(values: object) -> object:
    """Return the values that stand in one parameter, separated by commas."""
    return [part for value in values for part in value.split(",")] if isinstance(values, list) else values


def _degrees(text: str) -> float:
    if _NUMBER.fullmatch(text) is None:
        raise ValueError
    return float(text)


def _box(values: object) -> object:
    try:
        west, south, east, north = (_degrees(part) for part in values)  # type: ignore[attr-defined]
    except ValueError:
        raise PydanticCustomError("bbox", "must be four numbers in degrees: west,south,east,north") from None
    if not (-180 <= west <= 180 and -180 <= east <= 180 and -90 <= south <= north <= 90):
        raise PydanticCustomError(
            "bbox", "must be west,south,east,north: longitudes from -180 to 180, latitudes from -90 to 90, south first"
        )
    return [west, south, east, north]


Number = Annotated[float, BeforeValidator(_number), Field(allow_inf_nan=False)]
Truth = Annotated[bool, BeforeValidator(_truth)]
# Validators that run before run in reverse: first split, then read.
Degrees = Annotated[float, Field(ge=-180, le=180)]
Box = Annotated[
    list[Degrees], BeforeValidator(_box), BeforeValidator(split_at_commas), Field(min_length=4, max_length=4)
]


#: What stands for no value among the values of a filter.
NULL = "null"


def _or_null(value: object, read: ValidatorFunctionWrapHandler) -> object:
    return value if value == NULL else read(value)


#: Lets a value of a filter be `null`: records that state none.
OR_NULL = WrapValidator(_or_null)


def any_of(description: str) -> Any:  # noqa: ANN401 - as Pydantic's own Field
    """Describe a parameter that may be given several times."""
    return Field(max_length=MAX_POSTED, description=description)


class Parameters(BaseModel):
    """Query parameters that are read together; one that is not declared is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    #: Parameters whose several values stand in one, separated by commas.
    COMMA_SEPARATED: ClassVar[frozenset[str]] = frozenset({"fields", "include", "bbox", "facets"})

    @classmethod
    def choices(cls) -> dict[str, tuple[str, ...]]:
        """Return the values that parameters may have which depend on the archive, by parameter."""
        return {}

    def settled(self) -> Self:
        """Return the parameters as they are meant, once each of them is known to be right."""
        return self


class NoParameters(Parameters):
    """For addresses that take none."""


# --- Reading ----------------------------------------------------------------------------------------------------------

AnyParameters = TypeVar("AnyParameters", bound=Parameters)

#: Parameters that take the code of a country, which may be written by its name instead.
_CODES = frozenset({"country", "country!"})
#: What is wrong with a value that is none of the choices of an archive.
_CANNOT = {
    "fields": "is no key of these records",
    "include": "cannot be included here",
    "facets": "cannot be counted here",
}


@lru_cache(512)
def parameter_schemas(model: type[Parameters]) -> dict[str, dict[str, Any]]:
    """Return the JSON Schema of each parameter of a collection, null left out: a parameter is given or it is not."""
    schemas = model.model_json_schema(by_alias=True).get("properties", {})
    for schema in schemas.values():
        options = [option for option in schema.pop("anyOf", ()) if option != {"type": "null"}]
        for option in options:
            schema.update(option)
        schema.pop("title", None)
        if schema.get("default", "") in (None, []):
            del schema["default"]
        if schema.get("maxItems") == MAX_POSTED:
            schema["maxItems"] = MAX_VALUES
    for name, allowed in model.choices().items():
        schemas[name]["items"] = {"type": "string", "enum": list(allowed)}
        schemas[name] |= {"minItems": 1, "uniqueItems": True} if name == "facets" else {"minItems": 1}
    return dict(schemas)


@lru_cache(512)
def _choices_of(model: type[Parameters]) -> dict[str, tuple[str, ...]]:
    return model.choices()


@lru_cache(512)
def _several(model: type[Parameters]) -> frozenset[str]:
    """Return the parameters that may be given more than once."""
    return frozenset(name for name, schema in parameter_schemas(model).items() if schema.get("type") == "array")


def read_criteria(model: type[AnyParameters], pairs: Sequence[tuple[str, str]]) -> AnyParameters:
    """Return what is asked of a collection. Raises InvalidParameters, which names every parameter that is wrong.

    `pairs` are names and values in the order given; a name given again adds a value where several may be given.
    """
    return _read_again(model, tuple(pairs))  # type: ignore[return-value]


@lru_cache(256)
def _read_again(model: type[Parameters], pairs: tuple[tuple[str, str], ...]) -> Parameters:
    if len(pairs) > MAX_PARAMETERS:
        raise InvalidParameters(f"{len(pairs)} parameters are more than the {MAX_PARAMETERS} that are read")
    return _read(model, pairs, most=MAX_VALUES)


def read_posted(model: type[AnyParameters], members: Mapping[str, Any]) -> AnyParameters:
    """Return what is asked by the members of a JSON object: the parameters of an address, lists where a name may come
    several times. Null is what an address has as `null` for filters that take it, and nothing at all for other parameters.
    Raises InvalidParameters.
    """
    pairs: list[tuple[str, str]] = []
    filters = _several(model) - model.COMMA_SEPARATED
    for name, value in _spread(members):
        values = value if isinstance(value, list) else [] if value is None and name not in filters else [value]
        if any(isinstance(each, dict | list) for each in values):
            error = ParameterError(name[:ECHO_LENGTH], "must be a text, a number, true or false, or a list of such")
            raise invalid_parameters([error])
        texts = [_as_text(each) for each in values]
        if name in model.COMMA_SEPARATED and texts:
            texts = [",".join(texts)]
        pairs += ((name, text) for text in texts)
    return _read(model, pairs, most=MAX_POSTED)


def _spread(members: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the members of a query, those of `EXCLUDED` as members of the query itself, which is how an address has them."""
    for name, value in members.items():
        if name != EXCLUDED or not isinstance(value, dict):
            yield name, value
            continue
        for inner, excluded in value.items():
            if not inner.endswith("!"):
                message = f"holds what leaves records out, such as {inner[:ECHO_LENGTH]}!"
                raise invalid_parameters([ParameterError(EXCLUDED, message)])
            yield inner, excluded


def _as_text(value: object) -> str:
    """Return a value of a JSON object as an address has it."""
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer():
        return str(int(value))  # 20.0 is a whole number of JSON
    return NULL if value is None else orjson.dumps(value).decode()


def _read(model: type[AnyParameters], pairs: Sequence[tuple[str, str]], *, most: int) -> AnyParameters:
    """Return what is asked, read anew, with so many values of a parameter at most."""
    given: dict[str, Any] = {}
    errors: dict[str, ParameterError] = {}
    known_names, several = parameter_schemas(model), _several(model)
    for name, value in pairs:
        if name not in known_names:
            errors[name] = _unknown(name, tuple(known_names))
        elif name in several:
            given.setdefault(name, []).append(value)
        elif name in given:
            errors[name] = ParameterError(name, "is given more than once; it takes one value")
        else:
            given[name] = value
    errors |= {
        name: _too_many(name, most) for name, values in given.items() if type(values) is list and len(values) > most
    }
    try:
        criteria = model.model_validate(given)
    except ValidationError as invalid:
        for error in invalid.errors(include_url=False):
            refused = _refused(model, error)
            errors.setdefault(refused.parameter, refused)
    else:
        for name, allowed in _choices_of(model).items():
            if unknown := [each for each in getattr(criteria, name) if each not in allowed]:
                errors[name] = ParameterError(
                    name,
                    _hinted(f"{_echo(unknown[0])} {_CANNOT[name]}", hint_for_key(name, unknown[0], allowed)),
                    allowed,
                )
        if not errors:
            return criteria.settled()
    raise invalid_parameters(errors.values())


def _too_many(name: str, most: int) -> ParameterError:
    beyond = (
        "" if most == MAX_POSTED else f"; up to {MAX_POSTED:,} are sent as JSON: POST the same to the list's /query"
    )
    return ParameterError(name, f"takes 1 to {most:,} values{beyond}")


def invalid_parameters(errors: Iterable[ParameterError]) -> InvalidParameters:
    """Return the problem that names every parameter that cannot be used."""
    errors = tuple(errors)
    first = f"{errors[0].parameter}: {errors[0].message}"
    return InvalidParameters(first if len(errors) == 1 else f"{first}; and {len(errors) - 1} more", errors=errors)


def _echo(value: str) -> str:
    """Return a refused value for a message: quoted, control characters escaped, shortened."""
    shown = value if len(value) <= ECHO_LENGTH else value[:ECHO_LENGTH] + "…"
    return repr(shown)


def _unknown(name: str, names: tuple[str, ...]) -> ParameterError:
    nearest = difflib.get_close_matches(name[:ECHO_LENGTH], names, n=1)
    hint = hint_for_name(name[:ECHO_LENGTH], names) or (f"did you mean {nearest[0]}?" if nearest else None)
    return ParameterError(name[:ECHO_LENGTH], _hinted("there is no such parameter here", hint), tuple(sorted(names)))


def _hinted(message: str, hint: str | None) -> str:
    return message if hint is None else f"{message}; {hint}"


def _refused(model: type[Parameters], error: ErrorDetails) -> ParameterError:
    """Say what is wrong with a value, and what would be accepted where that can be listed."""
    context = error.get("ctx", {})
    name = str(error["loc"][0]) if error["loc"] else str(context.get("parameter", ""))
    value = error["input"]
    schema = parameter_schemas(model).get(name, {})
    schema = schema.get("items", schema)
    choices = schema.get("enum", [schema["const"]] if "const" in schema else None)
    allowed = None if choices is None else tuple(map(str, choices))
    match error["type"]:
        case "literal_error":
            hint = hint_for_choice(name, str(value), allowed or ()) or hint_for_bounds(name, parameter_schemas(model))
            message = _hinted("is not one of the values that exist", hint)
        case "string_pattern_mismatch":
            example = f", such as {schema['examples'][0]}" if "examples" in schema else ""
            message = f"does not have the form {schema['pattern']}{example}"
            hint = hint_for_code(name, str(value)) if name in _CODES else None
            message = _hinted(message, hint or hint_for_identifier(name, str(value), schema["pattern"]))
        case "missing":
            message = "is required here"
        case "string_unicode":
            message = "is not valid Unicode text"
        case "too_long" | "too_short" if isinstance(value, list):
            limits = parameter_schemas(model)[name]
            message = f"takes {limits.get('minItems', 1)} to {limits['maxItems']} values"
        case "string_too_long":
            message = f"is longer than {context['max_length']} characters"
        case "string_too_short":
            message = "is empty"
        case "greater_than_equal" | "less_than_equal":
            message = f"must lie between {schema['minimum']} and {schema['maximum']}"
            if name == "limit" and error["type"] == "less_than_equal":
                message = _hinted(message, hint_for_limit(parameter_schemas(model)))
        case _:
            message = error["msg"]
    shown = f"{_echo(value)} {message}" if isinstance(value, str) and "must" not in message else message
    return ParameterError(name, shown, allowed)
