"""A new archive as a folder of tables: a head to fill in, a guide, and an invented example of each kind of record."""

from pathlib import Path
from typing import Any

from service.archive.evidence import sha256_of
from service.archive.fields import archive_fields
from service.archive.tables.layout import OWNER, RECORD_TABLES, WITHIN, part_layout, record_layout
from service.archive.tables.writing import Piece, write_tables
from service.errors import TestimonyArchiveError

_TEXT = (
    "An invented report, to be written over. On the evening of 3 May 2021 a guard asked Ann Example to leave the old "
    "market. She says that nobody told her why. The city says that it was closing time."
)


def start_tables(folder: Path) -> None:
    """Write the tables of a new archive into a folder, which is made, or is empty. Raises TestimonyArchiveError otherwise."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise TestimonyArchiveError(f"{folder} is there already and is not an empty folder")
    write_tables(HEAD, lambda: _PIECES, folder, extra={"GUIDE.txt": _guide().encode()})


def _cited(words: str) -> list[dict[str, Any]]:
    start = _TEXT.index(words)
    return [{"source": "src-example", "start": start, "end": start + len(words), "sha256": sha256_of(words)}]


#: What a new archive says of itself, to be written over.
HEAD: dict[str, Any] = {
    "id": "my-archive",
    "title": "My archive",
    "description": "What the archive is about, in a sentence or two.",
    "language": "en",
    "licence": "CC-BY-4.0",
    "publisher": {"name": "Our organisation", "url": "https://example.org/"},
    "contact": "Write to archive@example.org for a correction or a withdrawal.",
    "coverage": "What the archive leaves out, and why.",
}

_PIECES: list[Piece] = [
    (
        "source",
        {
            "id": "src-example",
            "type": "report",
            "title": "An invented report",
            "language": "en",
            "published": "2021-06",
            "rights": "CC-BY-4.0",
            "verbatim": True,
            # What it measures is not written down, so that the text may be written over.
            "text": {"content": _TEXT},
        },
    ),
    ("agent", {"id": "agt-0001", "kind": "person", "name_policy": "published", "name": "Ann Example"}),
    ("agent", {"id": "agt-0002", "kind": "organisation", "name_policy": "published", "name": "City of Example"}),
    ("place", {"id": "plc-old-market", "name": "Old market", "kind": "site"}),
    ("topic", {"id": "top-public-space", "label": "Public space"}),
    (
        "event",
        {
            "id": "evt-0001",
            "type": "other",
            "title": "A guard asks Ann Example to leave the old market",
            "date": "2021-05-03",
            "place": "plc-old-market",
            "topics": ["top-public-space"],
            "participants": [{"agent": "agt-0001", "role": "asked to leave"}],
            "citations": _cited("On the evening of 3 May 2021 a guard asked Ann Example to leave the old market."),
        },
    ),
    (
        "testimony",
        {
            "id": "tes-0001",
            "title": "Ann Example on the evening at the old market",
            "summary": "She was asked to leave and was given no reason.",
            "witness": "agt-0001",
            "events": ["evt-0001"],
            "language": "en",
            "attribution": "labelled",
            "access": {"consent_basis": "published_source"},
            "citations": _cited("She says that nobody told her why."),
        },
    ),
    (
        "response",
        {
            "id": "rsp-0001",
            "party": "agt-0002",
            "kind": "replied",
            "about": ["evt-0001"],
            "summary": "The city says that the market was closing.",
            "citations": _cited("The city says that it was closing time."),
        },
    ),
]


def _guide() -> str:
    """Return the guide: how tables are written, and every column of the format."""
    lines = [
        "HOW TO KEEP THIS ARCHIVE",
        "",
        "Each .csv is a table that a spreadsheet program opens; save it as CSV in UTF-8. All of them may also be sheets of",
        "one workbook (.xlsx or .ods), with what archive.toml holds in a sheet `archive` that has two columns, key and value.",
        "Write over the invented examples. Columns that you do not need may be left out, in any order.",
        "",
        "A record refers to another by its identifier or by its title, name or label. Where a list may stand, write | between",
        "the values. A text in another language has a column of its own, such as title@ru.",
        "Leave the column id empty in a new row: `publish` writes an identifier into it, which then stays for ever.",
        f"What a record may have several of stands in a table of its own, such as citations.csv: its column {OWNER} says",
        f"whose a row is, and {WITHIN} of what part, such as acts/1 for the first act of an event.",
        "The text of a source lies in texts/, named after it (src-….txt); subtitles of a testimony in transcripts/ (tes-….vtt).",
        'The offsets and the hash of a passage are printed by: testimony-archive cite FOLDER src-example "the words"',
        "",
    ]
    for name, kind in RECORD_TABLES.items():
        fields = {each.name: each for each in archive_fields()[kind].fields}
        lines += [f"{name}.csv", ""]
        for column in record_layout(kind).columns.values():
            described = fields.get(column.path[0])
            what = described.description if described is not None and len(column.path) == 1 else ""
            lines.append(f"  {column.name}{f': {what}' if what else ''}")
        lists = record_layout(kind).lists
        for list_name, each in lists.items():
            assert each.part is not None  # only parts have tables of their own
            lines += [f"  {list_name}.csv: {each.description}", f"    {', '.join(part_layout(each.part).columns)}"]
        lines.append("")
    return "\n".join(lines)
