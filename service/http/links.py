"""Absolute addresses: of the API's root, of a request, of the pages beside a page."""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

import orjson
from starlette.types import Scope

from service.archive.identifiers import PLURALS, TYPE_OF_PREFIX
from service.catalogue.parameters import invalid_parameters
from service.errors import ParameterError
from service.release.addresses import placed, without_marks

# What a query may consist of to stand in a link as it came (RFC 3986, section 3.4), percent-encoded or not.
_PLAIN_QUERY = re.compile(rb"[A-Za-z0-9._~!$'()*+,;:@/?%=&-]*")
_CURSOR = re.compile(r"(?:^|&)cursor=[^&]*")

#: Characters of the longest path that is remembered as it was quoted. Strangers may ask for any: what is kept of them is
#: bounded in bytes, too.
REMEMBERED_PATH = 200

_quoted_again = lru_cache(4096)(quote)


def _quoted(path: str) -> str:
    return _quoted_again(path) if len(path) <= REMEMBERED_PATH else quote(path)


def header(scope: Scope, name: bytes) -> str | None:
    """Return the value of a header, given its name in lower case; of one that comes several times, all of them as one list
    (RFC 9110, section 5.3).
    """
    value: bytes | None = scope["state"]["headers"].get(name)
    return None if value is None else value.decode("latin-1")


def base_url(scope: Scope) -> str:
    """Return scheme, host and root path as the client sees them, without a slash at the end."""
    known: str | None = scope.get("state", {}).get("base")
    return _base_of(scope) if known is None else known


def _base_of(scope: Scope) -> str:
    host = next((value for name, value in scope["headers"] if name == b"host"), None)
    if host is None:
        address, port = scope.get("server") or ("localhost", None)
        host = f"{address}:{port}".encode() if port else address.encode()
    return _address(scope["scheme"], host, scope.get("root_path", ""))


@lru_cache(1024)  # of hosts and prefixes that are no longer than `middleware.HOST_LENGTH`
def _address(scheme: str, host: bytes, path: str) -> str:
    return f"{scheme}://{host.decode('latin-1')}{quote(path)}"


def place(scope: Scope, state: dict[str, Any]) -> None:
    """Put a request's state into its scope, and what routes ask for besides: headers by name, the address of the API's
    root and that of what was asked for.
    """
    headers: dict[bytes, bytes] = dict(scope["headers"])
    if len(headers) != len(scope["headers"]):
        headers = _joined(scope["headers"])
    state["headers"] = headers
    state["base"] = base = _base_of(scope)
    path: str = scope["path"]
    state["address"] = base + _quoted(path.removeprefix(scope["root_path"]))
    scope["state"] = state


def _joined(lines: Iterable[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    headers: dict[bytes, bytes] = {}
    for name, value in lines:
        headers[name] = headers[name] + b", " + value if name in headers else value
    return headers


def with_addresses(scope: Scope, documents: bytes) -> bytes:
    """Return documents with absolute addresses, as the client that asks for them sees them."""
    return placed_at(base_url(scope), documents, has_pages=has_pages(scope))


def placed_at(base: str, documents: bytes, *, has_pages: bool) -> bytes:
    """Return documents with absolute addresses, given that of the API's root."""
    return placed(documents, base, has_pages=has_pages)


def json_beside(value: object) -> bytes:
    """Return a value as JSON that may stand beside documents when these get their addresses: nothing in it is taken for one."""
    return without_marks(orjson.dumps(value))


def has_pages(scope: Scope) -> bool:
    """Tell whether pages for people stand beside the API."""
    shown: bool = scope["state"]["has_pages"]
    return shown


def request_address(scope: Scope) -> str:
    """Return the address that was asked for, without the query."""
    address: str = scope["state"]["address"]
    return address


def query_pairs(scope: Scope) -> list[tuple[str, str]]:
    """Return the names and values of a query, in order. Raises InvalidParameters where it is not UTF-8."""
    return pairs_of(scope["query_string"])


def pairs_of(query: bytes) -> list[tuple[str, str]]:
    """Return the names and values of a query, in order. Raises InvalidParameters where it is not UTF-8."""
    if not query:
        return []
    try:
        text = query.decode("ascii")
        if "%" not in text and "+" not in text:  # nothing to decode, which is most of the work
            return [(name, value) for name, _, value in (part.partition("=") for part in text.split("&") if part)]
        return parse_qsl(text, keep_blank_values=True, errors="strict")
    except UnicodeDecodeError:
        raise invalid_parameters([ParameterError("", "the query is not percent-encoded UTF-8")]) from None


def request_url(scope: Scope) -> str:
    """Return the address that was asked for."""
    query: bytes = scope["query_string"]
    suffix = "?" + query.decode("ascii", "replace") if query else ""
    return request_address(scope) + suffix


def page_url(scope: Scope, pairs: Sequence[tuple[str, str]], cursor: str) -> str:
    """Return the address of another page of the same list: every parameter kept, the cursor put in."""
    kept = kept_query(scope["query_string"], pairs)
    return f"{request_address(scope)}?{kept}cursor={cursor}"


def kept_query(query: bytes, pairs: Sequence[tuple[str, str]]) -> str:
    """Return what the addresses of the other pages of a list have before their cursors, given a query and its pairs."""
    if _PLAIN_QUERY.fullmatch(query):
        kept = _CURSOR.sub("", query.decode()).removeprefix("&")
    else:
        kept = urlencode([(name, value) for name, value in pairs if name != "cursor"])
    return kept and f"{kept}&"


def link_header(links: Mapping[str, str | None]) -> list[tuple[bytes, bytes]]:
    """Return the Link header that names the pages beside a page, given their addresses; nothing where there are none."""
    beside = [f'<{links[name]}>; rel="{name}"' for name in ("next", "prev") if links.get(name) is not None]
    return [(b"link", ", ".join(beside).encode("latin-1"))] if beside else []


def record_url(base: str, record_id: str) -> str:
    """Return the address of a record; `base` is that of the API's root."""
    return f"{base}/v1/{PLURALS[TYPE_OF_PREFIX[record_id.partition('-')[0]]]}/{record_id}"
