"""What a page shows, as its template asks for it. Each view names its template and documents its context."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from service.pages.reader import Pairs, Reader


@dataclass(frozen=True, slots=True)
class View:
    """A page ready to be drawn.

    `title` goes into the title bar and to feeds of what was shared; `api` is the API's path that gives the same as data, with its
    parameters; `context` is what the template asks for besides the reader.
    """

    template: str
    title: str
    context: dict[str, Any] = field(default_factory=dict)
    api: tuple[str, Pairs] | None = None
    #: Addresses of the same in other formats: media type, name, address.
    alternates: list[tuple[str, str, str]] = field(default_factory=list)
    #: The address to cite this by, where that is not the page's own.
    cite_as: str | None = None


#: Draws what an address shows to a reader. `name` is the last part of the address, where that names a record.
Viewer = Callable[[Reader, str], View]
