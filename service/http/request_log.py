"""The layer around the whole application that counts and logs requests; installed only where the operator asked for it.

It goes by the template of a route, `/v1/events/{id}`, never by the address that was asked for.
"""

import logging
import re
from collections.abc import Iterable
from time import perf_counter

from starlette.types import Message, Receive, Scope, Send

from service.http.logs import log_event
from service.http.metrics import Metrics
from service.http.middleware import OuterMiddleware
from service.http.proxies import TrustedProxies
from service.http.request_ids import naming, take_request_id, with_request_id
from service.http.responses import CompleteResponse
from service.settings import AccessLog

#: What stands for every address that is none of ours: strangers ask for anything.
UNKNOWN = "unknown"


class Templates:
    """The templates of all routes, found by a path."""

    def __init__(self, templates: Iterable[str], *, root_path: str) -> None:
        self._fixed = {template for template in templates if "{" not in template}
        self._open = [template for template in templates if "{" in template]
        shapes = (re.sub(r"\\{[a-z]+\\}", "[^/]+", re.escape(template)) for template in self._open)
        self._pattern = re.compile("|".join(f"({shape})" for shape in shapes))
        self._root_path = root_path

    def of(self, scope: Scope) -> str:
        """Return the template of a request's route, or UNKNOWN. A proxy's prefix may or may not have been cut off."""
        path: str = scope["path"]
        found = self._find(path)
        if found == UNKNOWN:
            headers = dict(scope["headers"])
            prefix = headers.get(b"x-forwarded-prefix", b"").decode("latin-1").rstrip("/") or self._root_path
            found = self._find(path.removeprefix(prefix))
        return found

    def _find(self, path: str) -> str:
        if path in self._fixed:
            return path
        match = self._pattern.fullmatch(path)
        return UNKNOWN if match is None or match.lastindex is None else self._open[match.lastindex - 1]


class RequestObserver:
    """ASGI middleware around everything else."""

    def __init__(
        self,
        app: OuterMiddleware,
        *,
        templates: Templates,
        metrics: Metrics | None,
        access_log: AccessLog,
        proxies: TrustedProxies,
    ) -> None:
        self.app = app
        self.templates = templates
        self.metrics = metrics
        self.access_log = access_log
        self.proxies = proxies

    def at_once(self, scope: Scope) -> CompleteResponse | None:
        """Return the answer to a GET request that can be given without waiting, counted; None where a line is to tell of
        it, which needs to know when it is out.
        """
        if self.access_log is not AccessLog.OFF:
            return None
        started = perf_counter()
        whole = self.app.at_once(scope)
        if whole is not None and self.metrics is not None:
            self.metrics.observe(self.templates.of(scope), whole.status, perf_counter() - started)
        return whole

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = None
        if self.access_log is not AccessLog.OFF:
            # A line that cannot be tied to its answer is of little use: now every request has an id.
            request_id = take_request_id(scope, trusted=self.proxies.sent(scope))
            scope, send = with_request_id(scope, request_id), naming(send, request_id)
        answer = _Watched(send)
        started = perf_counter()
        if self.metrics is not None:
            self.metrics.in_progress += 1
        try:
            await self.app(scope, receive, answer)
        finally:
            seconds = perf_counter() - started
            route = self.templates.of(scope)
            if self.metrics is not None:
                self.metrics.in_progress -= 1
                self.metrics.observe(route, answer.status, seconds)
            if request_id is not None:
                self._log(scope, route, answer, request_id=request_id, seconds=seconds)

    def _log(self, scope: Scope, route: str, answer: "_Watched", *, request_id: str, seconds: float) -> None:
        members: dict[str, object] = {
            "request_id": request_id,
            "method": scope["method"],
            "route": route,
            "status": answer.status,
            "duration_ms": round(seconds * 1000, 3),
            "bytes": answer.bytes,
        }
        if self.access_log is AccessLog.FULL:
            members["path"] = _visible(scope["raw_path"])
            members["query"] = _visible(scope["query_string"])
            members["client"] = (scope.get("client") or ("",))[0]
        sentence = " ".join(f"{name}={value}" for name, value in members.items())
        log_event(logging.INFO, "request", sentence, **members)


class _Watched:
    """Sends an answer and remembers its status and how many bytes its body has."""

    def __init__(self, send: Send) -> None:
        self.send = send
        #: 0 where nothing was answered: the client had gone, or the application failed.
        self.status = 0
        self.bytes = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        elif message["type"] == "http.response.body":
            self.bytes += len(message.get("body", b""))
        await self.send(message)


def _visible(raw: bytes) -> str:
    """Return bytes of an address with all that is not plain ASCII escaped: a line must not steer a terminal."""
    return raw.decode("latin-1").encode("unicode_escape").decode("ascii")
