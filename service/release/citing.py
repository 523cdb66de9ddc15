"""How a record is cited, so that whoever kept a copy can prove what it said."""

from typing import Any


def cite_as(
    head: dict[str, Any], record_id: str, *, version: int, at: str, number: int, release: str, digest: str | None
) -> str:
    """Return how to cite a record: archive, record, version, the release that the version came with (its moment, number and
    id), and the digest of the record's line in the public archive.
    """
    archive = (head.get("citation") or head["title"]).rstrip(". ")
    return (
        f"{archive}. {record_id}, version {version}, published {at[:10]} with release {number} ({release}); "
        f"record {digest}."
    )
