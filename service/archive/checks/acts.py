"""How far an act is established: what its status says against the findings of courts and other bodies."""

from service.archive.dates import latest_of
from service.archive.model import Act, ActFinding

#: Outcomes that establish an act. Every other one rejects it.
ESTABLISHING = frozenset({"established", "upheld"})


def latest_finding(act: Act) -> ActFinding | None:
    """Return the finding that holds: the latest by its date. One without a date is as late as the one listed before it,
    and of two of one day the later listed holds.
    """
    return latest_of(act.findings, lambda finding: finding.date)


def misstated(act: Act) -> str | None:
    """Return what is wrong with the status of an act, by its findings alone."""
    latest = latest_finding(act)
    if latest is None:
        if act.status in {"established", "rejected"}:
            return f"`{act.status}` needs a finding of a court or another body: see `findings`."
        return None
    if latest.outcome in ESTABLISHING:
        return "`rejected` needs a latest finding that rejects." if act.status == "rejected" else None
    if act.status in {"rejected", "admitted"}:
        return None
    return f"The latest finding is {latest.outcome}: the status must be `rejected`."
