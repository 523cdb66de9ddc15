"""The body of a request: how much of one is read, and of which media type. Only queries too long for an address have one."""

from typing import Any

import orjson
from starlette.requests import ClientDisconnect, Request

from service.errors import BadRequest, ContentTooLarge, UnsupportedMediaType
from service.http.negotiation import JSON

#: Bytes of a body that are read: 10,000 identifiers of the longest kind are 700,000.
BODY_BYTES = 2 << 20


async def read_json_object(request: Request) -> dict[str, Any]:
    """Return the body of a request, a JSON object. Raises ContentTooLarge before more than `BODY_BYTES` are kept,
    UnsupportedMediaType, and BadRequest.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != JSON:
        raise UnsupportedMediaType(
            f"Send the query as a JSON object, with the header Content-Type: {JSON}.", headers={"Accept-Post": JSON}
        )
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length[:20]) > BODY_BYTES:
        raise _too_large()
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > BODY_BYTES:
                raise _too_large()
    except ClientDisconnect:
        raise BadRequest("The body ended before all of it had arrived.") from None
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BadRequest(f"The body is not JSON: {error.msg}, at character {error.pos}.") from None
    if not isinstance(found, dict):
        raise BadRequest("The body must be a JSON object: the parameters of the list by their names.")
    return found


def _too_large() -> ContentTooLarge:
    return ContentTooLarge(f"A query may have {BODY_BYTES:,} bytes at most.")
