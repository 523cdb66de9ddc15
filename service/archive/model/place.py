"""Places."""

from typing import Annotated

from pydantic import Field

from service.archive.identifiers import Identifier, PlaceRef
from service.archive.marks import Behaves, Filtered, FromVocabulary, Searched, Sorted, Translated
from service.archive.model.parts import NO_ITEMS, Citation, Record
from service.archive.values import Concept, Country, Number, Text
from service.archive.vocabularies import PlaceKind


class Place(Record):
    """A place, as fine as may be published. Coordinates in degrees (WGS 84), `radius_m` in metres."""

    record = "place"

    id: Annotated[
        Identifier,
        Filtered("This place itself or one that lies in it.", name="place", is_wide=True),
        Field(description="The place's identifier."),
    ]
    name: Annotated[Text, Searched(is_name=True), Translated(), Sorted(), Field(description="The place's name.")]
    kind: Annotated[
        PlaceKind,
        FromVocabulary("place_kind"),
        Filtered("Of this kind."),
        Field(description="How large the place is: from a country to a single site."),
    ]
    part_of: Annotated[PlaceRef | None, Behaves("place"), Field(description="The place that it lies in.")] = None
    country: Annotated[
        Country | None, Behaves("country"), Field(description="The country it lies in, as an ISO 3166-1 alpha-2 code.")
    ] = None
    latitude: Annotated[
        Number | None, Field(description="Latitude of its point in degrees (WGS 84), north positive.")
    ] = None
    longitude: Annotated[
        Number | None, Field(description="Longitude of its point in degrees (WGS 84), east positive.")
    ] = None
    radius_m: Annotated[Number | None, Field(description="How far off the point may be, in metres.")] = None
    exact_match: Annotated[list[Concept], Field(description="Addresses of the same place in other vocabularies.")] = (
        NO_ITEMS
    )
    citations: Annotated[
        list[Citation], Field(description="The evidence for where the place is, and for what is said of it.")
    ] = NO_ITEMS
