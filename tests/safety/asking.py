"""Every question that a server answers, drawn from its own description: each operation with each parameter, in every
format, sort order, facet and language; each record; each page that an answer leads to; each way of being refused.
"""

import gzip
import itertools
import json
import re
import socket
import string
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import httpx

#: The host that every question is put to, so that two servers give the same links.
HOST = "archive.example"
#: Pages that are followed from one list, at most.
PAGES = 40
#: What parameters that take anything are given, by name, and the ids of records beside.
GUESSES = {
    "q": ["qz*", "-qz*", '"a night"', "жъщ*"],
    "lang": ["en", "*"],
    "bbox": ["-180,-90,180,90", "-35,12,-34,13"],
    "country": ["AQ", "DE"],
    "date_from": ["1900-01-01"],
    "date_to": ["9998-12-31"],
    "facet_limit": ["200"],
    "limit": ["1", "200"],
    "since": ["2000-01-01"],
    "updated_since": ["2000-01-01"],
    "undated": ["true", "false"],
    "unit": ["persons"],
    "act": ["threat"],
    "language": ["en"],
    "value_min": ["0"],
    "value_max": ["1e15"],
    "slug": ["not-found"],
}
#: Addresses that are not in the description.
OUTSIDE = [
    "/openapi.json",
    "/docs",
    "/docs/start.js",
    "/docs/swagger-ui.css",
    "/metrics",
    "/",
    "/v1/",
    "/nothing",
    "/v1/people",
]
#: Pages that are none of a collection. The map and the timeline draw what they show.
PAGES_OF_THE_ROOM = [
    "/",
    "/about",
    "/search",
    "/map",
    "/timeline",
    "/timeline?date_from=1900-01-01",
    "/robots.txt",
    "/sitemap.xml",
]
#: What browsers send.
FOR_PEOPLE = (("Accept", "text/html"), ("Accept-Language", "ru, en;q=0.5"))
PREFIXES = {
    "testimonies": "tes", "events": "evt", "statistics": "sta", "responses": "rsp", "sources": "src", "agents": "agt",
    "places": "plc", "topics": "top",
}  # fmt: skip


#: Requests that are sent before the first of them is answered, and their bytes: these lie in the system's buffers, so that
#: a server that waits for its answers to be read does not wait for this end, which is still sending.
TOGETHER, BYTES_TOGETHER = 16, 1 << 15
#: What stands in an address as it is.
_AS_IT_IS = "".join(set(string.punctuation) - set('"<>\\^`{|}'))


@dataclass(frozen=True)
class Question:
    """One request."""

    path: str
    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = field(default=())
    body: str | None = None

    def ask(self, client: httpx.Client) -> "Answer":
        with closing(Asking(client)) as asking:
            return next(asking.ask([self]))

    def request(self) -> bytes:
        """Return the request as it is sent."""
        headers = {"Host": HOST, "Accept": "*/*", "Accept-Encoding": "identity", **dict(self.headers)}
        body = (self.body or "").encode()
        if body:
            headers["Content-Length"] = str(len(body))
        lines = [f"{self.method} {quote(self.path, safe=_AS_IT_IS)} HTTP/1.1", *map(": ".join, headers.items()), "", ""]
        return "\r\n".join(lines).encode("latin-1") + body


@dataclass(frozen=True)
class Answer:
    """What came back: header names in small letters, of one that stands twice both values; the content as it was before it
    was compressed.
    """

    status_code: int
    headers: dict[str, str]
    content: bytes


class Asking:
    """A connection over which many requests are sent at once, which costs half of what asking one after the other does. A
    client with more comfort would work for longer than the server.
    """

    def __init__(self, client: httpx.Client) -> None:
        host, port = client.base_url.host, client.base_url.port
        assert port is not None
        self._address = host, port
        self._connect()

    def _connect(self) -> None:
        self._socket = socket.create_connection(self._address, timeout=20)
        self._file = self._socket.makefile("rb")

    def close(self) -> None:
        self._file.close()
        self._socket.close()

    def ask(self, questions: list[Question]) -> Iterator[Answer]:
        """Yield an answer to each question, in order. Where the server closes the connection, the rest is asked again."""
        requests = [each.request() for each in questions]
        answered = 0
        while answered < len(questions):
            end = self._together(requests, answered)
            self._socket.sendall(b"".join(requests[answered:end]))
            while answered < end:
                answer = self._read(questions[answered].method)
                answered += 1
                yield answer
                if answer.headers.get("connection") == "close":
                    self.close()
                    self._connect()
                    break

    @staticmethod
    def _together(requests: list[bytes], first: int) -> int:
        """Return behind which request to wait for the answers."""
        end, size = first + 1, len(requests[first])
        while end < min(len(requests), first + TOGETHER) and size + len(requests[end]) <= BYTES_TOGETHER:
            size += len(requests[end])
            end += 1
        return end

    def _read(self, method: str) -> Answer:
        status = int(self._line().split(b" ", 2)[1])
        headers: dict[str, str] = {}
        while line := self._line():
            name, _, value = line.decode("latin-1").partition(":")
            name, value = name.lower(), value.strip()
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
        content = b"" if method == "HEAD" or status in (204, 304) else self._body(headers)
        if encoding := headers.get("content-encoding"):
            assert encoding == "gzip"
            content = gzip.decompress(content) if content else content
        return Answer(status, headers, content)

    def _body(self, headers: dict[str, str]) -> bytes:
        if headers.get("transfer-encoding") == "chunked":
            chunks = []
            while size := int(self._line(), 16):
                chunks.append(self._exactly(size))
                assert self._line() == b""
            assert self._line() == b"", "trailers were not asked for"
            return b"".join(chunks)
        return self._exactly(int(headers["content-length"]))

    def _line(self) -> bytes:
        line = self._file.readline()
        assert line.endswith(b"\r\n"), line
        return line[:-2]

    def _exactly(self, size: int) -> bytes:
        read = self._file.read(size)
        assert len(read) == size
        return read


def questions(description: dict[str, Any], ids: Iterable[str]) -> Iterator[Question]:
    """Yield every question about these records, by the server's description of itself."""
    ids = sorted(ids)
    for path, operations in description["paths"].items():
        if "get" not in operations:
            yield from _bodies(path, ids)
            continue
        parameters = list(_spread(operations["get"].get("parameters", []), description["components"]["schemas"]))
        for filled in _paths(path, parameters, ids):
            yield from map(Question, _queries(filled, parameters, ids))
            yield from _refusals(filled)
    yield from map(Question, OUTSIDE)
    for path in _pages(description, ids):
        yield Question(path, headers=FOR_PEOPLE)


def _bodies(path: str, ids: list[str]) -> Iterator[Question]:
    """Yield queries that are sent as a body: of everything, of these records, and of what names them."""
    own = [each for each in ids if each.startswith(PREFIXES[path.split("/")[2]])]
    for body in (
        {},
        {"id": own},
        {"refers_to": ids},
        {"refers_to!": ids, "format": "ndjson"},
        {"q": "qz*", "lang": "*"},
    ):
        yield Question(path, "POST", (("Content-Type", "application/json"),), json.dumps(body))


def _pages(description: dict[str, Any], ids: list[str]) -> Iterator[str]:
    """Yield every page of the reading room: those of the records, the lists with each filter and sort order, the search."""
    yield from PAGES_OF_THE_ROOM
    for collection in (*PREFIXES, "search"):
        described = description["paths"][f"/v1/{collection}"]["get"]["parameters"]
        parameters = list(_spread(described, description["components"]["schemas"]))
        # The catalogue is asked for every value above; of a page one value of each filter shows all that is drawn.
        values = {each["name"]: _values(each, ids)[:1] for each in parameters if each["in"] == "query"}
        needs = "&q=qz*" if collection == "search" else ""
        yield f"/{collection}?q=qz*"
        yield from (
            f"/{collection}?{name}={value}{needs}" for name, some in values.items() for value in some if name != "q"
        )
        yield from (f"/{collection}/{each}" for each in ids if each.startswith(PREFIXES.get(collection, "no")))
    yield from (f"/sources/{each}?passage=0-5" for each in ids if each.startswith("src"))
    yield "/events?nothing=1&cursor=x"


def _spread(parameters: list[Any], schemas: dict[str, Any]) -> Iterator[Any]:
    """Yield parameters as an address has them: each property of what is spread over it is one."""
    for each in parameters:
        if each.get("explode") and "$ref" in each["schema"]:
            properties = schemas[each["schema"]["$ref"].rpartition("/")[2]]["properties"]
            yield from ({"name": name, "in": each["in"], "schema": schema} for name, schema in properties.items())
        else:
            yield each


def _paths(path: str, parameters: list[Any], ids: list[str]) -> list[str]:
    """Return a path once for each record that it may name."""
    if "{slug}" in path:
        slugs = next(each["schema"]["enum"] for each in parameters if each["name"] == "slug")
        return [path.replace("{slug}", slug) for slug in slugs]
    if "{id}" not in path:
        return [path]
    prefix = PREFIXES[path.split("/")[2]]
    return [path.replace("{id}", each) for each in ids if each.startswith(prefix)]


def _queries(path: str, parameters: list[Any], ids: list[str]) -> Iterator[str]:
    """Yield a path without parameters, with each value of each, and with those that go together."""
    yield path
    query = [each for each in parameters if each["in"] == "query"]
    values = {each["name"]: _values(each, ids) for each in query}
    # What a file has, and what a filter leaves out, follows from the page that is asked for with each value.
    is_file = path.rpartition(".")[2] in ("csv", "ndjson", "geojson", "atom")
    values |= {name: some[:1] for name, some in values.items() if is_file or name.endswith("!")}
    needs = "&q=qz*" if path in ("/v1/search", "/v1/suggest") else ""
    for name, choices in values.items():
        if name not in ("cursor", "fields"):
            yield from (f"{path}?{name}={value}{needs}" for value in choices)
    for name, value in itertools.product(("facets", "format", "sort", "lang"), ("qz*", "night")):
        yield from (f"{path}?{name}={choice}&q={value}" for choice in values.get(name, ()) if "q" in values)
    if "facets" in values:
        every = ",".join(values["facets"])
        for mode in ("list", "others"):
            yield f"{path}?facets={every}&facet_limit=200&facet_mode={mode}{needs}"
    if "fields" in values:
        yield f"{path}?fields={','.join(values['fields'])}"


def _values(parameter: dict[str, Any], ids: list[str]) -> list[str]:
    schema = parameter.get("schema", {})
    listed = schema.get("enum") or schema.get("items", {}).get("enum")
    if listed:
        return [str(each) for each in listed]
    if parameter["name"].startswith("custom."):
        # One value of each kind of own field: what any other gives is no other kind of answer.
        return ["null"]
    if parameter["name"] in GUESSES:
        return GUESSES[parameter["name"]]
    return ids


def _refusals(path: str) -> Iterator[Question]:
    """Yield what is answered otherwise: other methods, media types, encodings, ranges and mistakes."""
    for method in ("HEAD", "OPTIONS", "POST", "DELETE"):
        yield Question(path, method)
    yield Question(path, headers=(("Accept", "image/png"),))
    yield Question(path, headers=(("Accept", "text/csv;q=0.5, application/json;q=0.4"), ("Accept-Encoding", "gzip")))
    yield Question(path, headers=(("Accept-Language", "de, ru;q=0.5"),))
    yield Question(path, headers=(("Range", "bytes=100-"),))
    yield Question(path, headers=(("Range", "bytes=99999999-"),))
    yield Question(f"{path}?nothing=1&limit=0&cursor=x&format=xml&sort=up&facets=none&fields=none&lang=xx-yy-zz&q=-")
    yield Question(f"{path}?limit={'9' * 9000}")


def ask_all(client: httpx.Client, ids: Iterable[str]) -> Iterator[tuple[Question, Answer]]:
    """Put every question, follow every page and every match of an ETag, and yield each answer."""
    description = client.get("/openapi.json", headers={"Host": HOST}).json()
    every = iter(questions(description, ids))
    asked: set[Question] = set()
    # Each with the number of the question that led to it, of whose pages only so many are followed.
    waiting: list[tuple[Question, int]] = []
    pages: Counter[int] = Counter()
    numbers = itertools.count()
    with closing(Asking(client)) as asking:
        while True:
            waiting += zip(itertools.islice(every, max(0, TOGETHER - len(waiting))), numbers, strict=False)
            at_hand: dict[Question, int] = {}
            for question, number in waiting:
                if question not in asked and pages[number] < PAGES:
                    at_hand[question] = number
                    asked.add(question)
                    pages[number] += 1
            if not waiting:
                return
            waiting = []
            for (question, number), answer in zip(at_hand.items(), asking.ask([*at_hand]), strict=True):
                yield question, answer
                waiting += ((following, number) for following in _following(question, answer))


def _following(question: Question, answer: Answer) -> Iterator[Question]:
    if question.method != "GET":
        return
    if "etag" in answer.headers and answer.status_code == 200:
        yield Question(question.path, headers=(*question.headers, ("If-None-Match", answer.headers["etag"])))
    for address in re.findall(r'<http://[^/]+([^>]+)>; rel="(?:next|prev)"', answer.headers.get("link", "")):
        yield Question(address, headers=question.headers)


def wire(answer: Answer | httpx.Response) -> bytes:
    """Return all that an answer says: the status, every header but the date, and the body. The identifier of a request is
    drawn at random, and left out.
    """
    headers = sorted(
        f"{name}: {value}" for name, value in answer.headers.items() if name not in ("date", "x-request-id")
    )
    content = re.sub(rb',"request_id":"[0-9a-f]{16}"', b"", answer.content)
    return "\n".join([str(answer.status_code), *headers, ""]).encode() + content
