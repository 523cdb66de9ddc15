"""Absolute addresses: of the API's root, of a request, of the pages beside a page."""

import re
from collections.abc import Sequence
from functools import lru_cache
from urllib.parse import parse_qsl, quote, urlencode

from starlette.types import Scope

from service.archive.model import PLURALS, TYPE_OF_PREFIX
from service.catalogue.criteria import invalid_parameters
from service.errors import ParameterError

# What a query may consist of to stand in a link as it came (RFC 3986, section 3.4), percent-encoded or not.
_PLAIN_QUERY = re.compile(rb"[A-Za-z0-9._~!$'()*+,;:@/?%=&-]*")
_CURSOR = re.compile(r"(?:^|&)cursor=[^&]*")

_quoted = lru_cache(4096)(quote)


def base_url(scope: Scope) -> str:
    """Return scheme, host and root path as the client sees them, without a slash at the end."""
    known: str | None = scope.get("state", {}).get("base")
    return _base_of(scope) if known is None else known


def _base_of(scope: Scope) -> str:
    host = next((value for name, value in scope["headers"] if name == b"host"), None)
    if host is None:
        address, port = scope.get("server") or ("localhost", None)
        host = f"{address}:{port}".encode() if port else address.encode()
    return f"{scope['scheme']}://{host.decode('latin-1')}{_quoted(scope.get('root_path', ''))}"


def request_path(scope: Scope) -> str:
    """Return the path of a request below the root path, percent-encoded."""
    path: str = scope["path"]
    return _quoted(path.removeprefix(scope.get("root_path", "")))


def query_pairs(scope: Scope) -> list[tuple[str, str]]:
    """Return the names and values of a query, in order. Raises InvalidParameters where it is not UTF-8."""
    query: bytes = scope["query_string"]
    if not query:
        return []
    try:
        return parse_qsl(query.decode("ascii"), keep_blank_values=True, errors="strict")
    except UnicodeDecodeError:
        raise invalid_parameters([ParameterError("", "the query is not percent-encoded UTF-8")]) from None


def request_url(scope: Scope) -> str:
    """Return the address that was asked for."""
    query: bytes = scope["query_string"]
    suffix = "?" + query.decode("ascii", "replace") if query else ""
    return base_url(scope) + request_path(scope) + suffix


def page_url(scope: Scope, pairs: Sequence[tuple[str, str]], cursor: str) -> str:
    """Return the address of another page of the same list: every parameter kept, the cursor put in."""
    query: bytes = scope["query_string"]
    if _PLAIN_QUERY.fullmatch(query):
        kept = _CURSOR.sub("", query.decode()).removeprefix("&")
    else:
        kept = urlencode([(name, value) for name, value in pairs if name != "cursor"])
    return f"{base_url(scope)}{request_path(scope)}?{kept}{'&' if kept else ''}cursor={cursor}"


def record_url(base: str, record_id: str) -> str:
    """Return the address of a record; `base` is that of the API's root."""
    return f"{base}/v1/{PLURALS[TYPE_OF_PREFIX[record_id.partition('-')[0]]]}/{record_id}"
