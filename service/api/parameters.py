"""How query parameters and identifiers in addresses are described, drawn from the criteria that read them."""

import re
from typing import Annotated, Any, get_args, get_origin

from service.archive.identifiers import PREFIXES, RecordType
from service.catalogue.parameters import EXCLUDED, NULL, OR_NULL, Parameters, parameter_schemas
from service.catalogue.queries import EXCLUDING


def identifier_parameter(record: RecordType) -> dict[str, Any]:
    """Return the part of an address that names a record of a type."""
    pattern = rf"^{PREFIXES[record]}-[a-z0-9-]{{1,60}}$"
    identifier = {"type": "string", "pattern": pattern, "examples": [f"{PREFIXES[record]}-001"]}
    return {"name": "id", "in": "path", "required": True, "schema": identifier, "description": "The identifier."}


def query_parameters(model: type[Parameters]) -> list[dict[str, Any]]:
    """Return the query parameters that a model reads.

    `NAME!` is described as one property of an object that is spread over the address: generators of clients make the same
    identifier of `topic` and `topic!`, and would leave out the whole operation. Each has one value there, since OpenAPI
    leaves open how lists within an object are spread.
    """
    parameters = each_parameter(model)
    spread = {
        each["name"]: each["schema"]["items"] | {"description": each["description"]}
        for each in parameters
        if each["name"].endswith(EXCLUDING)
    }
    alone = [each for each in parameters if each["name"] not in spread]
    if not spread:
        return alone
    return [
        *alone,
        {
            "name": EXCLUDED,
            "in": "query",
            "required": False,
            "description": (
                "What leaves records out: each property is a parameter of its own, as in `topic!=top-001`. "
                "In an address it may be given again with another value."
            ),
            "style": "form",
            "explode": True,
            "schema": {"type": "object", "properties": spread, "additionalProperties": False},
        },
    ]


def each_parameter(model: type[Parameters]) -> list[dict[str, Any]]:
    """Return every parameter that a model reads, those that leave records out among the others."""
    parameters = []
    needed = {name for name, field in model.model_fields.items() if field.is_required()}
    for name, described in parameter_schemas(model).items():
        schema = dict(described)
        parameter = {
            "name": name,
            "in": "query",
            "required": name in needed,
            "description": schema.pop("description", ""),
        }
        if any(mark is OR_NULL for mark in _marks_of_value(model, name)):
            schema["items"] = _or_null(schema["items"])
        if name in model.COMMA_SEPARATED:
            parameter |= {"style": "form", "explode": False}
        parameters.append(parameter | {"schema": schema})
    return parameters


def _marks_of_value(model: type[Parameters], name: str) -> tuple[object, ...]:
    """Return the marks of one value of a parameter that takes several."""
    annotation = model.model_fields[name].annotation if name in model.model_fields else None
    value = next(iter(get_args(annotation)), None)
    return get_args(value)[1:] if get_origin(value) is Annotated else ()


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a value that may be null, as an address has it."""
    if "enum" in schema:
        return schema | {"enum": [*schema["enum"], NULL]}
    if schema.get("type") == "string" and "format" not in schema:
        # One type and no union, which is what people who generate clients can use.
        pattern = schema.get("pattern")
        is_any = pattern is None or re.search(pattern, NULL) is not None
        return schema if is_any else schema | {"pattern": f"{pattern}|^{NULL}$"}
    return {"anyOf": [schema, {"type": "string", "const": NULL}]}


def of_json(parameter: dict[str, Any]) -> dict[str, Any]:
    """Return a parameter of a page; of the formats, the one that this address is described with."""
    if parameter["name"] != "format":
        return parameter
    described = "json: a page of the list. Every other format is described at its own address, such as `.csv`."
    return parameter | {"description": described, "schema": {"type": "string", "enum": ["json"]}}
