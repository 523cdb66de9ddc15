"""Request ids: what ties an answer, a line in the log and a line in a proxy's log together. Drawn at random; they say
nothing about who asked or for what.
"""

import re
import secrets

from starlette.types import Message, Scope, Send

HEADER = "X-Request-ID"
RAW_HEADER = HEADER.lower().encode()
#: What a proxy's id may look like: the forms in use are UUIDs, hexadecimal digits, base64 and trace ids. Anything longer or
#: stranger would only be a way to write into logs and answers.
_ACCEPTABLE = re.compile(r"[A-Za-z0-9._+/=:-]{1,128}")
#: Bytes drawn for an id: among a million requests, two share one once in forty million times.
DRAWN = 8


def take_request_id(scope: Scope, *, trusted: bool) -> str:
    """Return the id that came with a request from a trusted proxy, else a new one."""
    if trusted:
        for name, value in scope["headers"]:
            if name == RAW_HEADER and _ACCEPTABLE.fullmatch(given := value.decode("latin-1")):
                return str(given)
    return secrets.token_hex(DRAWN)


def request_id_of(scope: Scope) -> str:
    """Return the id of a request. Most requests need none: it is drawn when first asked for."""
    state = scope.setdefault("state", {})
    if "request_id" not in state:
        state["request_id"] = secrets.token_hex(DRAWN)
    known: str = state["request_id"]
    return known


def with_request_id(scope: Scope, request_id: str) -> Scope:
    """Return the scope of a request whose id is known from now on."""
    return {**scope, "state": {**scope.get("state", {}), "request_id": request_id}}


def naming(send: Send, request_id: str) -> Send:
    """Return a `send` that puts the id of the request into its answer, where it is not there yet."""

    async def named(message: Message) -> None:
        if message["type"] == "http.response.start" and all(name != RAW_HEADER for name, _ in message["headers"]):
            message = {**message, "headers": [*message["headers"], (RAW_HEADER, request_id.encode())]}
        await send(message)

    return named
