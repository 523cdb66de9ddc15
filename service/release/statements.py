"""Statements: what each release says of itself in one line, and the chain of those lines since the archive began.

A statement names the release by its id and the statement before by its SHA-256. It holds no content, so the chain is kept
for ever, in each release. Who signs a statement, and how, is not known here.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from service.archive.writing import written_whole
from service.errors import ReleaseDamaged
from service.release.projection import canonical_line

#: The statement of a release, and the signature of exactly these bytes where the publisher signs.
STATEMENT = "statement.json"
SIGNATURE = "statement.json.sig"
#: The chain: every statement up to this release's own, a line each, byte for byte as it was published.
STATEMENTS = "statements.jsonl"
#: The signatures of statements that were signed: a line each, with the number of the release.
SIGNATURES = "signatures.jsonl"

#: Whole numbers that JSON carries everywhere.
_Count = Annotated[int, Field(ge=0, lt=1 << 53)]
Sha256 = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]
#: Signs the bytes of a statement. Returns the signature as the text of a file.
Sign = Callable[[bytes], str]


class Statement(BaseModel):
    """What a release says of itself."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    format: Literal["testimony-archive-statement/1"] = "testimony-archive-statement/1"
    #: The archive's id, from its head.
    archive: str
    #: The release id: `sha256:` and the SHA-256 of the public archive in canonical form.
    release: Sha256
    number: Annotated[_Count, Field(ge=1)]
    #: UTC, RFC 3339, to the second.
    published_at: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$")]
    #: Public records by collection, and withdrawals.
    counts: dict[str, _Count]
    #: The version of the engine that published.
    engine: str
    #: `sha256:` and the SHA-256 of the statement before; None where there was none.
    previous: Sha256 | None


@dataclass(frozen=True, slots=True)
class Link:
    """One statement of a chain: its exact bytes, what they say, and the signature if it was signed."""

    line: bytes
    statement: Statement
    signature: str | None

    @property
    def digest(self) -> str:
        """`sha256:` and the SHA-256 of the statement's bytes: what the next statement names."""
        return digest_of(self.line)


def digest_of(line: bytes) -> str:
    """Return `sha256:` and the SHA-256 of some bytes."""
    return f"sha256:{hashlib.sha256(line).hexdigest()}"


def read_statement(line: bytes) -> Statement:
    """Return what the bytes of a statement say. Raises ValueError where they are none, or not in canonical form."""
    statement = Statement.model_validate_json(line)
    if statement_line(statement) != line:
        raise ValueError("the statement is not in canonical form")
    return statement


def statement_line(statement: Statement) -> bytes:
    """Return a statement in canonical form: one line of JSON with sorted keys, no spaces, and a line feed at its end."""
    return canonical_line(statement.model_dump(mode="json"))


def continue_chain(before: Sequence[Link], statement: Statement, sign: Sign | None) -> list[Link]:
    """Return the chain with a new statement, which names the last one before it, at its end."""
    previous = before[-1].digest if before else None
    statement = statement.model_copy(update={"previous": previous})
    line = statement_line(statement)
    return [*before, Link(line, statement, None if sign is None else sign(line))]


def write_chain(folder: Path, chain: Sequence[Link]) -> None:
    """Write a chain into the folder of the release that its last statement is about."""
    own = chain[-1]
    (folder / STATEMENT).write_bytes(own.line)
    if own.signature is not None:
        (folder / SIGNATURE).write_text(own.signature)
    (folder / STATEMENTS).write_bytes(b"".join(link.line for link in chain))
    (folder / SIGNATURES).write_bytes(signature_lines(chain))


def read_chain(folder: Path) -> list[Link]:
    """Return the chain that lies in a folder, the oldest statement first; an empty one where there are no files of it.

    Raises ReleaseDamaged where a line is no statement or does not name the one before it.
    """
    try:
        data = chain_files(folder)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise ReleaseDamaged(f"{folder.name}: {STATEMENTS} cannot be read ({error.strerror})") from None
    return parse_chain(folder.name, *data)


def chain_files(folder: Path) -> tuple[bytes, bytes]:
    """Return the statements and the signatures that lie in a folder, as they are. Raises OSError."""
    return (folder / STATEMENTS).read_bytes(), (folder / SIGNATURES).read_bytes()


def parse_chain(name: str, statements: bytes, signatures: bytes) -> list[Link]:
    """Return the chain that the content of two files is. `name` is for messages. Raises ReleaseDamaged."""
    try:
        lines = statements.splitlines(keepends=True)
        signed = read_signatures(signatures)
        chain = [
            Link(line, statement, signed.get(statement.number))
            for line, statement in zip(lines, map(read_statement, lines), strict=True)
        ]
    except ValueError:
        raise ReleaseDamaged(f"{name}: {STATEMENTS} or {SIGNATURES} holds a line that is no statement") from None
    for before, link in zip([None, *chain], chain, strict=False):
        if link.statement.previous != (None if before is None else before.digest):
            raise ReleaseDamaged(f"{name}: the statement of release {link.statement.number} breaks the chain")
    return chain


class _Signed(BaseModel):
    """A line of the file of signatures."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    number: int
    signature: str


def read_signatures(data: bytes) -> dict[int, str]:
    """Return signatures by the number of the release. Raises ValueError where a line is none."""
    try:
        signed = [_Signed.model_validate_json(line) for line in data.splitlines()]
    except ValidationError:
        raise ValueError("a line is no signature") from None
    return {each.number: each.signature for each in signed}


def signature_lines(chain: Iterable[Link]) -> bytes:
    """Return the content of the file of signatures of a chain."""
    signed = [_Signed(number=link.statement.number, signature=link.signature) for link in chain if link.signature]
    return b"".join(orjson.dumps(each.model_dump(), option=orjson.OPT_APPEND_NEWLINE) for each in signed)


# --- The longest chain of a data folder ---------------------------------------------------------------------------------


def longest_chain(folders: Iterable[Path]) -> list[Link]:
    """Return the chain that reaches furthest of those in some folders; one that is damaged is passed over."""
    longest: list[Link] = []
    for folder in folders:
        try:
            chain = read_chain(folder)
        except ReleaseDamaged:
            continue
        if chain and (not longest or chain[-1].statement.number > longest[-1].statement.number):
            longest = chain
    return longest


def keep_chain(data: Path, chain: Sequence[Link]) -> None:
    """Keep a chain in the data folder itself: of a release that was gone back from and is about to be removed."""
    with written_whole(data / SIGNATURES) as file:
        file.write(signature_lines(chain))
    with written_whole(data / STATEMENTS) as file:
        file.write(b"".join(link.line for link in chain))


def forget_kept_chain(data: Path) -> None:
    """Remove what `keep_chain` wrote: a release holds it now."""
    (data / STATEMENTS).unlink(missing_ok=True)
    (data / SIGNATURES).unlink(missing_ok=True)
