"""Names given in place of identifiers: which public record is called so, if only one is. Knows no HTTP."""

import re
from collections.abc import Sequence
from dataclasses import replace

from service.archive.words import plain_words
from service.catalogue.criteria import SuggestCriteria
from service.catalogue.hints import LONGEST, collection_of_form
from service.catalogue.parameters import Parameters, invalid_parameters, parameter_schemas
from service.catalogue.suggestions import suggest
from service.errors import InvalidParameters, ParameterError
from service.release.opening import Release


def with_identifiers(
    refused: InvalidParameters, model: type[Parameters], pairs: Sequence[tuple[str, str]], release: Release
) -> InvalidParameters:
    """Return a problem whose errors also say, for a name that stands where an identifier is wanted, which record is called
    so, where only one public record is.
    """
    schemas = parameter_schemas(model)

    def told(error: ParameterError) -> ParameterError:
        schema = schemas.get(error.parameter, {})
        form = schema.get("items", schema).get("pattern", "")
        collection = collection_of_form(form)
        given = (value for name, value in pairs if name == error.parameter and re.search(form, value) is None)
        called = None if collection is None else _called(release, collection, next(given, ""))
        return error if called is None else replace(error, message=f"{error.message}; {called}")

    errors = tuple(map(told, refused.errors))
    return refused if errors == refused.errors else invalid_parameters(errors)


def _called(release: Release, collection: str, name: str) -> str | None:
    if not name or len(name) > LONGEST or not name.isprintable():
        return None
    asked = SuggestCriteria.model_validate({"q": name, "collection": (collection,), "limit": 10})
    found = suggest(release, asked)
    # Who has the whole name is meant, whoever else's begins so.
    whole = [each for each in found if plain_words(each.text) == plain_words(name)]
    if len(some := whole or found) != 1 or some[0].record_id is None:
        return None
    return f"{some[0].record_id} is {some[0].text}"
