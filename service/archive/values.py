"""The values that fields of the format hold: texts, dates, languages, rights, numbers, hashes.

A validation error's type is either one of Pydantic's own or a code of the checks, raised here as it stands there.
"""

import re
from collections.abc import Collection
from datetime import datetime
from typing import Annotated

import langcodes
from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression
from pydantic import (
    AfterValidator,
    Field,
    PlainValidator,
    StringConstraints,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from service.archive.dates import DateError, parse_day, parse_edtf
from service.archive.identifiers import ID_LENGTH, is_identifier
from service.archive.marks import (
    IsDate,
    IsLanguage,
)
from service.archive.vocabularies import ClaimedField

# Largest integer that every JSON reader, JavaScript's included, holds exactly (RFC 8259, section 6).
MAX_NUMBER = 2**53 - 1

# ISO 3166-1 alpha-2, the officially assigned codes.
COUNTRIES = frozenset(
    """
    AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ
    CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO
    FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE
    JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO
    MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW
    PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM
    TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW
    """.split()
)

# https://rightsstatements.org/page/1.0/: the twelve statements.
RIGHTS_STATEMENTS = frozenset(
    f"http://rightsstatements.org/vocab/{name}/1.0/"
    for name in "InC InC-OW-EU InC-EDU InC-NC InC-RUU NoC-CR NoC-NC NoC-OKLR NoC-US CNE UND NKC".split()
)


def _day(value: str) -> str:
    try:
        parse_day(value)
    except DateError as error:
        raise PydanticCustomError(error.code, "{reason}", {"reason": str(error)}) from None
    return value


# RFC 3339, section 5.6. Without an offset from UTC a time of day is no moment.
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)", re.ASCII)


def _moment(value: str) -> str:
    try:
        if _MOMENT.fullmatch(value) is not None:
            datetime.fromisoformat(value)
            return value
    except ValueError:
        pass
    reason = "must be a day and a time with its offset from UTC, such as 2021-05-09T14:30:00+03:00"
    raise PydanticCustomError("invalid_date", "{reason}", {"reason": reason})


def _day_or_moment(value: str) -> str:
    return _moment(value) if "T" in value else _day(value)


def _edtf(value: str) -> str:
    try:
        parse_edtf(value)
    except DateError as error:
        raise PydanticCustomError(error.code, "{reason}", {"reason": str(error)}) from None
    return value


_KNOWN_LANGUAGES: dict[str, bool] = {}


def _language(value: str) -> str:
    # Looking a tag up in the registry takes tens of microseconds and an archive uses few tags, so answers are kept.
    known = _KNOWN_LANGUAGES.get(value)
    if known is None:
        known = len(value) <= ID_LENGTH and value.isascii() and "_" not in value and langcodes.tag_is_valid(value)
        if len(_KNOWN_LANGUAGES) < 1024:
            _KNOWN_LANGUAGES[value] = known
    if not known:
        raise PydanticCustomError("invalid_language", "is not a BCP 47 language tag, such as en, ru or sr-Latn")
    return value


def _rights(value: str) -> str:
    if value in RIGHTS_STATEMENTS:
        return value
    try:
        if " " not in value and canonicalize_license_expression(value) == value:
            return value
    except InvalidLicenseExpression:
        pass
    raise PydanticCustomError(
        "invalid_rights",
        "is neither a rightsstatements.org URI, such as http://rightsstatements.org/vocab/InC/1.0/, "
        "nor an SPDX licence identifier in its own spelling, such as CC-BY-4.0",
    )


def _country(value: str) -> str:
    if value not in COUNTRIES:
        raise PydanticCustomError("invalid_value", "is not an ISO 3166-1 alpha-2 country code, such as RU")
    return value


def _number(value: object) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise PydanticCustomError("invalid_type", "must be a number")
    if not abs(value) <= MAX_NUMBER:  # written so that NaN fails too
        raise PydanticCustomError("invalid_value", "must lie between -(2^53 - 1) and 2^53 - 1")
    # 5 and 5.0 are one number, and must give one release id.
    return int(value) if value == int(value) else value


def _page(value: object) -> int | str:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise PydanticCustomError("invalid_type", "must be a page number or a page label")
    if value == "" or (isinstance(value, str) and not value.isprintable()):
        raise PydanticCustomError("invalid_value", "must be a page number or a page label of printable characters")
    return value


def _web_address(value: str) -> str:
    if not value.startswith(("https://", "http://")) or any(char.isspace() for char in value):
        raise PydanticCustomError("invalid_value", "must be an http or https address without spaces")
    return value


def _concept(value: str) -> str:
    if not value.startswith(("https://", "http://", "urn:")) or any(char.isspace() for char in value):
        raise PydanticCustomError("invalid_value", "must be an http, https or urn URI without spaces")
    return value


def _file_path(value: str) -> str:
    steps = value.split("/")
    if len(value) > MAX_PATH or "\\" in value or any(step in {"", ".", ".."} for step in steps):
        raise PydanticCustomError(
            "unsafe_path",
            "must be a path from the folder of the archive file, such as media/one.mp4, and stay inside it",
        )
    return value


def _file_name(value: str) -> str:
    if value in {".", ".."} or value != value.strip() or not _IS_FILE_NAME(value):
        raise PydanticCustomError(
            "invalid_value",
            "must be the name of a file: no slash, no backslash, no control character, no space around it",
        )
    return value


def _media_type(value: str) -> str:
    if not _IS_MEDIA_TYPE(value):
        raise PydanticCustomError(
            "invalid_value", "must be a media type in lower-case letters, such as video/mp4, without parameters"
        )
    return value


#: Longest path of a file, in characters.
MAX_PATH = 1024
#: Longest name of a file, in characters.
MAX_FILE_NAME = 200
# Marks that turn the direction of writing can make a name look as if it ended otherwise than it does.
_IS_FILE_NAME = re.compile(r"[^/\\\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]+").fullmatch
# RFC 6838, section 4.2.
_IS_MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,126}/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}").fullmatch

# Control characters other than tab, line feed and carriage return have no place in a text that is to be read.
_READABLE = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f]*$"

_SEGMENT_NAME = re.compile(r"[A-Za-z0-9-]+")


def _segment_name(value: str) -> str:
    if len(value) > ID_LENGTH or not _SEGMENT_NAME.fullmatch(value):
        raise PydanticCustomError(
            "invalid_id", f"must be the name of a segment: letters, digits and hyphens, {ID_LENGTH} characters at most"
        )
    return value


Text = Annotated[str, StringConstraints(min_length=1, pattern=_READABLE)]
Day = Annotated[str, AfterValidator(_day), WithJsonSchema({"type": "string", "format": "date"})]
Moment = Annotated[str, AfterValidator(_moment), WithJsonSchema({"type": "string", "format": "date-time"})]
DayOrMoment = Annotated[
    str,
    AfterValidator(_day_or_moment),
    WithJsonSchema({"anyOf": [{"type": "string", "format": "date"}, {"type": "string", "format": "date-time"}]}),
]
Edtf = Annotated[
    str, IsDate(), AfterValidator(_edtf), WithJsonSchema({"type": "string", "description": "EDTF, section Dates"})
]
Language = Annotated[str, IsLanguage(), AfterValidator(_language)]
Rights = Annotated[str, AfterValidator(_rights)]
Country = Annotated[str, AfterValidator(_country)]
Number = Annotated[int | float, PlainValidator(_number), WithJsonSchema({"type": "number"})]
WebAddress = Annotated[Text, AfterValidator(_web_address)]
Concept = Annotated[Text, AfterValidator(_concept)]
FileName = Annotated[Text, Field(max_length=MAX_FILE_NAME), AfterValidator(_file_name)]
FilePath = Annotated[Text, AfterValidator(_file_path)]
MediaType = Annotated[Text, AfterValidator(_media_type)]
Page = Annotated[int | str, PlainValidator(_page), WithJsonSchema({"type": ["integer", "string"]})]
Seconds = Annotated[Number, Field(ge=0)]
SegmentName = Annotated[
    str,
    AfterValidator(_segment_name),
    WithJsonSchema({"type": "string", "pattern": f"^{_SEGMENT_NAME.pattern}$", "maxLength": ID_LENGTH}),
]
Count = Annotated[int, Field(ge=0, le=MAX_NUMBER)]

Pixels = Annotated[int, Field(ge=1, le=1_000_000)]

_SHA256 = r"^[0-9a-f]{64}$"


def _sha256(value: str) -> str:
    if len(value) != 64 or not set(value) <= set("0123456789abcdef"):
        raise PydanticCustomError("invalid_hash", "must be a SHA-256 in 64 lower-case hexadecimal digits")
    return value


Sha256 = Annotated[str, AfterValidator(_sha256), WithJsonSchema({"type": "string", "pattern": _SHA256})]


def claimed_value(claimed: ClaimedField, value: str, types: Collection[str] | None) -> str:
    """Return what somebody says of a field of an event; `types` are those of events, None where any will do. Raises PydanticCustomError where the field cannot hold it."""
    match claimed:
        case "date":
            return _edtf(value)
        case "place" if not is_identifier(value):
            raise PydanticCustomError("invalid_id", "must be the identifier of a place")
        case "type" if types is not None and value not in types:
            raise PydanticCustomError("invalid_value", "must be a type of event")
    return value
