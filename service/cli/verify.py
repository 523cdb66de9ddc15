"""`testimony-archive verify`."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service import __version__
from service.cli.output import one_line, print_json, print_line
from service.cli.parameters import AsJson, CopiesOfSources, copies_of_sources
from service.errors import CopyUnreadable

if TYPE_CHECKING:
    from service.depots.verification import Verification

#: The words of a report for each outcome, of one width.
_SHOWN = {"passed": "passed     ", "failed": "FAILED     ", "not checked": "not checked"}


def verify_command(
    target: Annotated[
        str,
        typer.Argument(help="The address of an archive, an exported .jsonl, a data folder or a bag.", metavar="COPY"),
    ],
    *,
    allowed_signers: Annotated[
        Path | None, typer.Option(help="Whose signatures are right: a file as ssh-keygen -Y verify takes it.")
    ] = None,
    kept: Annotated[
        list[Path] | None,
        typer.Option(help="A statement kept from before, which must be in the chain; may be given again."),
    ] = None,
    source: CopiesOfSources = None,
    json: AsJson = False,
) -> None:
    """Verify that a release is what its statement says, who signed it, and that none was left out or changed.

    The code is 0 where no check failed. Example: testimony-archive verify https://archive.example.org
    """
    # These take long to import, and no other command needs them.
    from service.depots.copies import open_copy  # noqa: PLC0415
    from service.depots.signatures import read_allowed_signers  # noqa: PLC0415
    from service.depots.verification import Known, verify_copy  # noqa: PLC0415

    known = Known(
        signers=None if allowed_signers is None else read_allowed_signers(allowed_signers),
        statements=[_read(path) for path in kept or []],
        sources=copies_of_sources(source or []),
    )
    moment = datetime.now(UTC)
    with open_copy(target) as copy:
        verification = verify_copy(copy, known, now=moment)
    show = _as_json if json else _as_text
    show(target, verification, f"{moment:%Y-%m-%dT%H:%M:%SZ}")
    if not verification.ok:
        raise typer.Exit(1)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CopyUnreadable(f"{path} cannot be read ({error.strerror})") from None


def _as_json(target: str, verification: "Verification", moment: str) -> None:
    statement = verification.statement
    print_json(
        {
            "ok": verification.ok,
            "copy": target,
            "verified_at": moment,
            "engine": __version__,
            "release": verification.release,
            "statement": None if statement is None else statement.model_dump(),
            "statement_sha256": verification.digest,
            "checks": [
                {"check": each.name, "outcome": each.outcome, "detail": each.detail} for each in verification.checks
            ],
        }
    )


def _as_text(target: str, verification: "Verification", moment: str) -> None:
    statement = verification.statement
    print_line(f"Verification of {one_line(target)}")
    print_line(f"Made {moment} with testimony-archive {__version__}")
    print_line("")
    if statement is not None:
        print_line(f"Archive    {one_line(statement.archive)}")
        print_line(f"Release    {statement.number}, published {statement.published_at}")
        print_line(f"Statement  {verification.digest}")
    print_line(f"Content    {verification.release}")
    print_line("")
    for check in verification.checks:
        print_line(f"{_SHOWN[check.outcome]}  {check.name:<9}  {one_line(check.detail)}")
    print_line("")
    failed = sum(check.outcome == "failed" for check in verification.checks)
    left = sum(check.outcome == "not checked" for check in verification.checks)
    print_line(f"Result: {failed or 'no'} check{'s' * (failed > 1)} failed; {left or 'none'} could not be made.")
