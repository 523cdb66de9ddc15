"""Request ids: what ties an answer, a line in the log and a line in a proxy's log together. Drawn at random; they say
nothing about who asked or for what.
"""

import ipaddress
import re
import secrets

from starlette.types import Scope

from service.settings import Network

HEADER = "X-Request-ID"
_RAW_HEADER = HEADER.lower().encode()
#: What a proxy's id may look like: the forms in use are UUIDs, hexadecimal digits, base64 and trace ids. Anything longer or
#: stranger would only be a way to write into logs and answers.
_ACCEPTABLE = re.compile(r"[A-Za-z0-9._+/=:-]{1,128}")
#: Bytes drawn for an id: one in two thousand million million is drawn twice among a million requests.
DRAWN = 8


def is_trusted(client: tuple[str, int] | None, networks: tuple[Network, ...]) -> bool:
    """Tell whether the peer of a connection is a proxy whose headers are believed."""
    if client is None or not networks:
        return False
    try:
        address = ipaddress.ip_address(client[0])
    except ValueError:
        return False
    return any(address in network for network in networks)


def take_request_id(scope: Scope, *, trusted: bool) -> str:
    """Return the id that came with a request from a trusted proxy, else a new one."""
    if trusted:
        for name, value in scope["headers"]:
            if name == _RAW_HEADER and _ACCEPTABLE.fullmatch(given := value.decode("latin-1")):
                return str(given)
    return secrets.token_hex(DRAWN)


def sent_one(scope: Scope) -> bool:
    """Tell whether a request came with an id, whoever sent it: its answer has one too."""
    return any(name == _RAW_HEADER for name, _ in scope["headers"])


def request_id_of(scope: Scope) -> str:
    """Return the id of a request. Most requests need none: it is drawn when first asked for."""
    state = scope.setdefault("state", {})
    if "request_id" not in state:
        state["request_id"] = secrets.token_hex(DRAWN)
    known: str = state["request_id"]
    return known
