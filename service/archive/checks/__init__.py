"""Every rule of the archive format. Start at `checking.py`; `rules.py` lists the codes."""

from service.archive.checks.checking import check_archive as check_archive
from service.archive.checks.records import is_hidden as is_hidden
from service.archive.checks.report import MAX_FINDINGS as MAX_FINDINGS
from service.archive.checks.report import ArchiveInvalid as ArchiveInvalid
from service.archive.checks.report import Report as Report
from service.archive.checks.rules import RULES as RULES
