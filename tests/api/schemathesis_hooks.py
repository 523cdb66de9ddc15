"""What a schema cannot say: a cursor belongs to its list, only pages have a limit, the ends of a range are in order."""

from typing import Any

import schemathesis


@schemathesis.hook
def filter_case(context: Any, case: Any) -> bool:
    """Leave out the word `query` as the identifier of a record: that address takes a body, and says so."""
    return not (isinstance(case.path_parameters, dict) and case.path_parameters.get("id") == "query")


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    """Make a request that is meant to be good one that is: the description alone allows a little more."""
    if case.meta is None or case.meta.generation.mode.is_negative:
        return
    # What is sent as a body is what stands in an address otherwise.
    for query in (case.query, case.body):
        if isinstance(query, dict):
            _make_good(query)


def _make_good(query: dict[str, Any]) -> None:
    query.pop("cursor", None)
    if query.get("format", "json") != "json":
        for name in ("limit", "facets", "facet_limit", "facet_mode"):
            query.pop(name, None)
    # A short query of plain words is never refused; one of many words, or only of words to leave out, is.
    if isinstance(query.get("q"), str):
        query["q"] = " ".join(query["q"].replace("-", " ").split()[:4])[:12] or "a"
    if "q" not in query and query.get("sort") == "relevance":
        del query["sort"]
    for least in [name for name in query if name.endswith(("_from", "_min"))]:
        most = least.replace("_from", "_to").replace("_min", "_max")
        if most in query and query[least] > query[most]:
            query[least], query[most] = query[most], query[least]
    if "bbox" in query:
        box = query["bbox"].split(",") if isinstance(query["bbox"], str) else query["bbox"]
        west, south, east, north = map(float, box)
        clamped = [max(-90.0, min(90.0, degrees)) for degrees in (south, north)]
        query["bbox"] = [max(-180, min(180, west)), min(clamped), max(-180, min(180, east)), max(clamped)]
