"""Reads an archive through its generated client, without a cast."""

import sys

from archive_client import Client
from archive_client.api.events import get_event, list_events, query_events
from archive_client.models import (
    EventExcluding,
    EventExcludingType,
    EventPage,
    EventQuery,
    EventQueryExcluding,
    EventQueryExcludingTypeItem,
    ProblemDocument,
)
from archive_client.types import Unset


def read(address: str) -> list[str]:
    """Return what stands in a list, in an event and in a problem."""
    archive = Client(base_url=address)
    without = EventExcluding(type_=EventExcludingType.POLICY)
    page = list_events.sync(client=archive, limit=10, excluding=without)
    assert isinstance(page, EventPage)
    title = page.data[0].title

    body = EventQuery(excluding=EventQueryExcluding(type_=[EventQueryExcludingTypeItem(str(page.data[0].type_))]))
    others = query_events.sync(client=archive, body=body)
    assert isinstance(others, EventPage)
    assert page.data[0].id not in [event.id for event in others.data]

    event = get_event.sync("evt-1", client=archive)
    assert event is not None
    assert not isinstance(event, ProblemDocument)
    assert not isinstance(event.custom, Unset)
    weapons = [weapon.label for weapon in event.custom.weapons]

    problem = get_event.sync("evt-none", client=archive)
    assert isinstance(problem, ProblemDocument)
    return [str(title), *weapons, problem.detail]


print("\n".join(read(sys.argv[1])))
