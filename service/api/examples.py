"""Examples in the description: a real record of each collection, of the release that is being served.

A front end's developer sees what comes, and no example can be out of date or show what is no longer public.
"""

from collections.abc import Callable
from typing import Any

import orjson

from service.api.describing import answer_name
from service.catalogue.browsing import Catalogue
from service.catalogue.criteria import criteria_of
from service.catalogue.parameters import read_criteria
from service.release.documents import document_shapes


def with_examples(
    description: dict[str, Any], catalogue: Catalogue, *, place: Callable[[bytes], bytes]
) -> dict[str, Any]:
    """Return a description in which the schemas of each record have an example, where there is such a record: the first
    of its collection's list; `place` gives it its addresses. The description given stays as it is.
    """
    fields = catalogue.fields
    shapes = document_shapes(fields)
    components = description["components"]
    schemas = dict(components["schemas"])
    for model in criteria_of(fields).values():
        page = catalogue.page(catalogue.look_up(read_criteria(model, [("limit", "1")])))
        name = shapes[model.record].__name__
        if page.ordinals:
            example = {"examples": [orjson.loads(place(page.documents[0]))]}
            for named in (name, answer_name(name)):
                schemas[named] = schemas[named] | example
    return description | {"components": components | {"schemas": schemas}}
