"""Which peers are proxies whose headers are believed."""

import ipaddress
from collections.abc import Iterable
from functools import lru_cache

from starlette.types import Scope

from service.settings import Network

#: Addresses whose answer is remembered: proxies are few, and asking costs as much as an answer from the cache.
REMEMBERED = 1024


class TrustedProxies:
    """The proxies that the operator named."""

    def __init__(self, networks: Iterable[Network]) -> None:
        self._networks = tuple(networks)
        self._has = lru_cache(REMEMBERED)(self._lies_within)

    def sent(self, scope: Scope) -> bool:
        """Tell whether a request came from one of them."""
        client = scope.get("client")
        return bool(self._networks) and client is not None and self._has(client[0])

    def _lies_within(self, host: str) -> bool:
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return False
        return any(address in network for network in self._networks)
