"""What a check comes to: the findings, and the error that stops a publication."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from service.archive.identifiers import RecordType
from service.archive.model import Head
from service.archive.reading import Finding
from service.errors import TestimonyArchiveError

#: Findings that a report keeps: nobody reads more, and a broken export makes its mistake in every record.
MAX_FINDINGS = 1000


@dataclass(frozen=True, slots=True)
class Report:
    """What a check found, in the order of the file; `findings` are the errors. `counts` has every record that was read, sound or not."""

    findings: Sequence[Finding]
    #: Whether there were more findings than a report keeps.
    more: bool
    counts: Mapping[RecordType, int]
    #: None where it is missing or not valid.
    head: Head | None
    #: Citations of public records, and public sources, that an editor has declared to be masked.
    masked: int = 0
    #: What does not stop a publication, as bounded as the errors are, and whether there were more.
    notes: Sequence[Finding] = ()
    more_notes: bool = False

    @property
    def ok(self) -> bool:
        """Whether the archive can be published."""
        return not self.findings


class ArchiveInvalid(TestimonyArchiveError):
    """The archive breaks rules of its format; `report` says which and where."""

    def __init__(self, report: Report) -> None:
        count = f"{len(report.findings)}{' and more' if report.more else ''}"
        super().__init__(f"The archive cannot be published as it is: errors found: {count}.")
        self.report = report
