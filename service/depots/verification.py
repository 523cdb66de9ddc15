"""Verifying a copy of a release: is it what its statement says, who signed that, was anything left out or changed since.

Each check passes, fails, or could not be made, and says so in a sentence that can be read out in court.
"""

import hashlib
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import orjson

from service.archive.evidence import blanked, sha256_of
from service.depots.copies import Copy
from service.depots.signatures import AllowedSigner, check_signature
from service.errors import CopyUnreadable, SignatureInvalid
from service.release.projection import canonical_line
from service.release.statements import Statement, digest_of, read_statement

Outcome = Literal["passed", "failed", "not checked"]
CheckName = Literal[
    "id", "form", "files", "statement", "chain", "numbers", "clock", "signature", "kept", "sources", "passages"
]

#: How far ahead of this machine's clock a release may be published.
_CLOCKS_DIFFER = timedelta(minutes=10)
#: Places that are named one by one; of more only the number is told.
_NAMED = 20


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at, and what came of it."""

    name: CheckName
    outcome: Outcome
    detail: str


@dataclass(frozen=True, slots=True)
class Verification:
    """Everything that was looked at. `statement` is None where the copy has none that can be read."""

    #: The SHA-256 of the public archive as it lies in the copy, with `sha256:` before it.
    release: str
    statement: Statement | None
    #: `sha256:` and the SHA-256 of the statement.
    digest: str | None
    checks: list[Check]

    @property
    def ok(self) -> bool:
        """True where no check failed."""
        return all(check.outcome != "failed" for check in self.checks)


@dataclass(frozen=True, slots=True)
class Known:
    """What the verifier has from elsewhere and trusts: keys, statements kept from before, copies of sources."""

    signers: Sequence[AllowedSigner] | None = None
    statements: Sequence[bytes] = ()
    sources: Mapping[str, Path] = field(default_factory=dict)


def verify_copy(copy: Copy, known: Known, *, now: datetime) -> Verification:
    """Look at everything there is to a copy of a release."""
    texts, found = _texts_at_hand(copy.canonical, known.sources)
    archive = _ArchiveReader(texts)
    archive.read(copy.canonical)
    chain, unreadable = _read_chain(copy.statements)
    checks = [
        *_check_content(copy, archive, chain[-1][1] if chain else None),
        *([unreadable] if unreadable else []),
        *_check_chain(chain, now),
        *_check_signatures(chain, copy.signatures, known.signers),
        *_check_kept(chain, known.statements),
        *found,
        archive.check_passages(),
    ]
    line, statement = chain[-1] if chain else (None, None)
    return Verification(archive.id, statement, None if line is None else digest_of(line), checks)


# --- The archive ------------------------------------------------------------------------------------------------------


class _ArchiveReader:
    """Reads the public archive once: hashes it, compares its form, and hashes the passages of the texts at hand."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._texts = texts
        self._passages = self._wrong = self._elsewhere = 0
        self._named: list[str] = []
        self.lines = self.bytes = 0
        self.id = ""
        #: What is wrong with the form of the first line that is not in canonical form.
        self.malformed: str | None = None

    def read(self, canonical: Path) -> None:
        """Read every line. Raises CopyUnreadable."""
        digest, before = hashlib.sha256(), (False, "", "")
        for line in _lines(canonical):
            digest.update(line)
            self.lines += 1
            self.bytes += len(line)
            record = _parsed(line)
            if record is None or not _is_canonical(record, line):
                self.malformed = self.malformed or f"line {self.lines} is not in canonical form"
                continue
            place = (record.get("record") == "withdrawn", str(record.get("record", "")), str(record.get("id", "")))
            if place <= before and self.lines > 1:
                self.malformed = self.malformed or f"line {self.lines} is out of order"
            before = place
            # Most of a large archive cites no exact passage: those lines need not be looked through.
            if b'"start":' in line:
                self._look_through(record)
        self.id = f"sha256:{digest.hexdigest()}"

    def _look_through(self, record: dict[str, Any]) -> None:
        for source, start, end, sha256 in _passages(record):
            text = self._texts.get(source)
            if text is None:
                self._elsewhere += 1
                continue
            self._passages += 1
            if not 0 <= start < end <= len(text) or hashlib.sha256(text[start:end].encode()).hexdigest() != sha256:
                self._wrong += 1
                if len(self._named) < _NAMED:
                    self._named.append(f"{record.get('id')}: {source} from {start} to {end}")

    def check_passages(self) -> Check:
        rest = f" {self._elsewhere} cited from sources that are not at hand." if self._elsewhere else ""
        if self._wrong:
            named = "; ".join(self._named)
            more = f"; and {self._wrong - _NAMED} more" if self._wrong > _NAMED else ""
            detail = f"{self._wrong} of {self._passages} cited passages are not what their hash says: {named}{more}."
            return Check("passages", "failed", detail + rest)
        if not self._passages:
            return Check("passages", "not checked", f"Passages from sources at hand: none.{rest}")
        sentence = f"{self._passages} cited passages are from sources at hand, and each has the SHA-256 that is stated."
        return Check("passages", "passed", sentence + rest)


def _lines(canonical: Path) -> Iterator[bytes]:
    try:
        with canonical.open("rb", buffering=1 << 20) as file:
            yield from file
    except OSError as error:
        raise CopyUnreadable(f"{canonical} cannot be read ({error.strerror})") from None


def _parsed(line: bytes) -> dict[str, Any] | None:
    try:
        record = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    return record if isinstance(record, dict) else None


def _passages(record: dict[str, Any]) -> Iterator[tuple[str, int, int, str]]:
    """Yield source, start, end and hash of every exact passage that is cited anywhere in a record."""
    # Not recursive: a stranger's record may be nested deeper than functions may be.
    waiting: list[Any] = [record]
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting += value
        elif isinstance(value, dict):
            match value.get("source"), value.get("start"), value.get("end"), value.get("sha256"):
                case (str() as source, int() as start, int() as end, str() as sha256):
                    yield source, start, end, sha256
                case _:
                    waiting += (part for part in value.values() if isinstance(part, list | dict))


def _is_canonical(record: dict[str, Any], line: bytes) -> bool:
    try:
        return canonical_line(record) == line
    except orjson.JSONEncodeError:  # nested deeper than any record is
        return False


def _texts_at_hand(canonical: Path, sources: Mapping[str, Path]) -> tuple[dict[str, str], list[Check]]:
    """Return the texts of sources: copies that are given, and those that the archive holds itself; and whether each copy
    is the text that the archive cites.
    """
    texts, checks, unknown = {}, [], dict(sources)
    for line in _lines(canonical):
        if b'"record":"source"' not in line or (record := _parsed(line)) is None:
            continue
        source, stated = str(record.get("id")), record.get("text")
        stated = stated if isinstance(stated, dict) else {}
        if source in unknown:
            text, check = _copy_of_source(source, unknown.pop(source), stated.get("sha256"), _redactions(record))
            checks.append(check)
        else:
            text = stated.get("content")
        if isinstance(text, str):
            texts[source] = text
    checks += [Check("sources", "failed", f"The archive has no source {source}.") for source in unknown]
    return texts, checks


def _redactions(source: Mapping[str, Any]) -> list[tuple[int, int]]:
    """Return the passages of a source's text that were taken out, as far as they are stated as the format has it."""
    stated = source.get("redactions")
    passages = [(each.get("start"), each.get("end")) for each in stated or () if isinstance(each, dict)]
    return [(start, end) for start, end in passages if isinstance(start, int) and isinstance(end, int)]


def _copy_of_source(
    source: str, path: Path, sha256: str | None, redactions: list[tuple[int, int]]
) -> tuple[str | None, Check]:
    try:
        data = path.read_bytes()
        text = data.decode()
    except (OSError, UnicodeDecodeError):
        return None, Check("sources", "failed", f"The copy of {source}, {path.name}, cannot be read as UTF-8.")
    if sha256 is None:
        return text, Check("sources", "not checked", f"The archive does not state what the text of {source} is.")
    is_whole = hashlib.sha256(data).hexdigest() == sha256
    if not is_whole and redactions and sha256_of(left := blanked(text, redactions)) == sha256:
        sentence = f"{path.name} is the text of {source} that the archive cites, with what was taken out of it there."
        return left, Check("sources", "passed", sentence)
    if not is_whole:
        return None, Check("sources", "failed", f"{path.name} is not the text of {source} that the archive cites.")
    return text, Check("sources", "passed", f"{path.name} is the text of {source} that the archive cites.")


def _check_content(copy: Copy, archive: _ArchiveReader, statement: Statement | None) -> Iterator[Check]:
    """Yield whether the archive is the release that its statement, and the place itself, name."""
    size = f"over {archive.bytes} bytes in {archive.lines} lines"
    named = [name for name in (None if statement is None else statement.release, copy.named) if name is not None]
    if not named:
        yield Check("id", "not checked", f"Computed {size}: {archive.id}. Nothing here says what it should be.")
    elif all(name == archive.id for name in named):
        yield Check("id", "passed", f"The SHA-256 of the public archive, computed {size}, is the release's id.")
    else:
        wrong = next(name for name in named if name != archive.id)
        yield Check(
            "id", "failed", f"The SHA-256 of the public archive, computed {size}, is {archive.id} and not {wrong}."
        )
    if archive.malformed is None:
        yield Check("form", "passed", "Every line is in canonical form, in order, no record twice.")
    else:
        yield Check("form", "failed", f"The archive is not in canonical form: {archive.malformed}.")
    if copy.damage is not None:
        outcome: Outcome = "failed" if copy.damage else "passed"
        yield Check(
            "files", outcome, copy.damage or "Every other file of the copy has the SHA-256 that its list states."
        )


# --- The chain --------------------------------------------------------------------------------------------------------

#: Statements with their bytes, the oldest first.
_Chain = list[tuple[bytes, Statement]]


def _read_chain(lines: Sequence[bytes]) -> tuple[_Chain, Check | None]:
    """Return the statements of a copy, and what is wrong where one cannot be read or there is none."""
    if not lines:
        return [], Check("statement", "not checked", "The copy has no statement: what it should be is not known.")
    chain = []
    for number, line in enumerate(lines, 1):
        try:
            chain.append((line, read_statement(line)))
        except ValueError:
            # Nothing is said of a chain whose links cannot all be read.
            return [], Check(
                "statement", "failed", f"Line {number} of the statements is not a statement in canonical form."
            )
    return chain, None


def _check_chain(chain: _Chain, now: datetime) -> Iterator[Check]:
    if not chain:
        return
    last = chain[-1][1].number
    whole = chain[0][1].previous is None
    if len(chain) == 1:
        first = "It is the first statement of this archive." if whole else "The statements before it are not at hand."
        linked = unbroken = first
    else:
        linked = f"Each of {len(chain)} statements names the one before by its SHA-256."
        unbroken = f"No release from 1 to {last} is left out."
    yield _result("chain", _breaks(chain), linked, passed=whole)
    yield _result("numbers", _omitted(chain), unbroken, passed=whole)
    yield _result("clock", _clock_faults(chain, now), "No release is dated before the one before it, or after now.")


def _result(name: CheckName, faults: Iterable[str], sentence: str, *, passed: bool = True) -> Check:
    found = list(faults)
    if found:
        more = f" And {len(found) - _NAMED} more." if len(found) > _NAMED else ""
        return Check(name, "failed", " ".join(found[:_NAMED]) + more)
    return Check(name, "passed" if passed else "not checked", sentence)


def _breaks(chain: _Chain) -> Iterator[str]:
    for (line, before), (_, statement) in itertools.pairwise(chain):
        if statement.previous != digest_of(line):
            yield (
                f"The chain is broken: the statement of release {statement.number} names {statement.previous} as the one "
                f"before, but that of release {before.number} is {digest_of(line)}."
            )
        if statement.archive != before.archive:
            yield f"Release {statement.number} is of the archive {statement.archive}, the one before of {before.archive}."
    first = chain[0][1]
    if len(chain) > 1 and first.previous is not None:
        yield f"The chain is broken: its first statement, of release {first.number}, names one before that is not here."


def _omitted(chain: _Chain) -> Iterator[str]:
    numbers = [statement.number for _, statement in chain]
    if numbers[0] != 1 and chain[0][1].previous is None:
        yield f"The chain begins with release {numbers[0]}: those before it are omitted."
    for before, number in itertools.pairwise(numbers):
        if number <= before:
            yield f"Release {number} follows release {before}."
        elif number == before + 2:
            yield f"Release {before + 1} is omitted."
        elif number > before + 2:
            yield f"Releases {before + 1} to {number - 1} are omitted."


def _clock_faults(chain: _Chain, now: datetime) -> Iterator[str]:
    for (_, before), (_, statement) in itertools.pairwise(chain):
        if statement.published_at < before.published_at:
            yield (
                f"The clock ran back: release {statement.number} is dated {statement.published_at}, "
                f"release {before.number} before it {before.published_at}."
            )
    latest = chain[-1][1].published_at
    if latest > f"{(now + _CLOCKS_DIFFER).astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}":
        yield f"Release {chain[-1][1].number} is dated {latest}, which is after now by this machine's clock."


def _check_kept(chain: _Chain, kept: Sequence[bytes]) -> Iterator[Check]:
    """Yield whether statements that the verifier kept from before are still in the chain."""
    lines = {line for line, _ in chain}
    for line in kept:
        try:
            statement = read_statement(line)
        except ValueError:
            yield Check("kept", "failed", "A statement that was kept is no statement in canonical form.")
            continue
        number = statement.number
        if line in lines:
            yield Check("kept", "passed", f"The statement of release {number} that was kept is in the chain.")
        elif any(other.number == number for _, other in chain):
            yield Check(
                "kept", "failed", f"Another statement has taken the place of the one of release {number} that was kept."
            )
        else:
            yield Check(
                "kept",
                "failed",
                f"The statement of release {number} that was kept is not here: the release is omitted, or the archive "
                "went back to an earlier one.",
            )


# --- Signatures -------------------------------------------------------------------------------------------------------


def _check_signatures(
    chain: _Chain, signatures: Mapping[int, str], signers: Sequence[AllowedSigner] | None
) -> Iterator[Check]:
    """Yield whether each signature is good, and whose it is. That of the last statement covers all before it."""
    if not chain:
        return
    latest = chain[-1][1].number
    if latest not in signatures:
        outcome: Outcome = "not checked" if signers is None else "failed"
        yield Check("signature", outcome, f"The statement of release {latest} is not signed.")
    wrong = [
        check
        for line, statement in chain
        if statement.number in signatures
        and (
            (check := _check_signature(line, statement, signatures[statement.number], signers)).outcome == "failed"
            or statement.number == latest
        )
    ]
    yield from wrong[-_NAMED:]


def _check_signature(line: bytes, statement: Statement, text: str, signers: Sequence[AllowedSigner] | None) -> Check:
    number = statement.number
    try:
        signature = check_signature(line, text)
    except SignatureInvalid as error:
        return Check("signature", "failed", f"The signature of release {number} is not good: {error}.")
    key = signature.fingerprint
    if signers is None:
        detail = f"Release {number} is signed with the key {key}. Whose key that is has not been checked."
        return Check("signature", "not checked", detail)
    of_key = [signer for signer in signers if signer.key == signature.key]
    if not of_key:
        return Check("signature", "failed", f"Release {number} is signed with another key, {key}, that is not allowed.")
    believed = [signer for signer in of_key if signer.is_valid_at(statement.published_at)]
    if not believed:
        detail = f"Release {number}, dated {statement.published_at}, is signed with {key}, which is not allowed then."
        return Check("signature", "failed", detail)
    return Check("signature", "passed", f"Release {number} is signed with {key}, the key of {believed[0].principals}.")
