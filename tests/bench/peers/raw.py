"""The limit to measure against: uvicorn answering given bytes from memory, set up as the real server is.

`python -m tests.bench.peers.raw ANSWERS PORT`. ANSWERS is JSON: each target with [status, [[header, value]], body].
"""

import sys
from pathlib import Path

import orjson
import uvicorn
from uvicorn._types import ASGIReceiveCallable, ASGISendCallable, Scope

Answer = tuple[int, list[tuple[bytes, bytes]], bytes]


class Reference:
    """An ASGI application that looks the whole answer up."""

    def __init__(self, answers: dict[bytes, Answer]) -> None:
        self._answers = answers

    async def __call__(self, scope: Scope, _: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        assert scope["type"] == "http"
        query = scope["query_string"]
        target = scope["raw_path"] + b"?" + query if query else scope["raw_path"]
        status, headers, body = self._answers[target]
        await send({"type": "http.response.start", "status": status, "headers": headers, "trailers": False})
        await send({"type": "http.response.body", "body": body, "more_body": False})


def read_answers(path: Path) -> dict[bytes, Answer]:
    """Read the answers; bodies are Latin-1, so that any byte can stand in JSON."""
    return {
        target.encode(): (
            status,
            [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers],
            body.encode("latin-1"),
        )
        for target, (status, headers, body) in orjson.loads(path.read_bytes()).items()
    }


def main() -> None:
    path, port = sys.argv[1:]
    uvicorn.run(
        Reference(read_answers(Path(path))),
        port=int(port),
        loop="uvloop",
        http="httptools",
        lifespan="off",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        log_config=None,
    )


if __name__ == "__main__":
    main()
