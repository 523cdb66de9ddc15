"""Looking for marks: in bytes however they are written, in every cell of a database, in every term and number of a
full-text index. Knows nothing of how a release is laid out: whatever lies in its folder is looked through.
"""

import base64
import gzip
import json
import re
import shutil
import sqlite3
import struct
import zlib
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from datetime import date
from pathlib import Path
from urllib.parse import quote

import tantivy
from ahocorasick_rs import BytesAhoCorasick

from tests.safety.canaries import Marks

# What names a feed and its entries is made of a hash: four of its digits may be those of any year.
_UUID = re.compile(rb"urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
SQLITE = b"SQLite format 3\0"
# How deep something compressed is looked for inside something compressed.
DEPTH = 3


class Search:
    """Looks for the marks in one place after another, and counts the places."""

    def __init__(self, marks: Marks) -> None:
        self.marks = marks
        self.places = 0
        self.found: list[str] = []
        # Bytes whose ASCII letters have been made small are searched for the first, bytes as they are for the second.
        self._folded = _Needles((name, each.lower()) for name, each in _spellings(marks))
        self._exact = _Needles(_encodings(marks))
        self.spellings = len(self._folded.names) + len(self._exact.names)

    def look(self, place: str, data: bytes, *, depth: int = DEPTH) -> None:
        """Look through bytes: as they are, and what they hold where they are compressed."""
        self.places += 1
        small = _UUID.sub(b"urn:uuid:", data.lower())
        self.found += [f"{name} in {place}" for name in (*self._folded.found_in(small), *self._exact.found_in(data))]
        if depth:
            for inner in _decompressed(data):
                self.look(f"{place}, decompressed", inner, depth=depth - 1)

    def look_through(self, folder: Path) -> None:
        """Look through every file below a folder, and the names of all of them."""
        for path in sorted(folder.rglob("*")):
            name = path.relative_to(folder).as_posix()
            self.look(f"the name {name}", name.encode())
            if path.is_symlink():
                self.look(f"the link {name}", str(path.readlink()).encode())
            elif path.is_file():
                data = path.read_bytes()
                self.look(name, data)
                if data.startswith(SQLITE):
                    self.look_through_database(path, name)
                if path.name == "meta.json":
                    self.look_through_index(path.parent, name)

    def look_through_database(self, path: Path, name: str) -> None:
        """Look through every cell, as a text would be and what it holds where it is compressed."""
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)) as database:
            tables = [row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            for table in tables:
                for row in database.execute(f'SELECT * FROM "{table}"'):
                    self.look(f"{name}, table {table}", repr(row).encode())
                    for cell in row:
                        if isinstance(cell, bytes):
                            self.look(f"{name}, a cell of {table}", cell)

    def look_through_index(self, folder: Path, name: str) -> None:
        """Look through every term of every field, which lie prefix-coded on the disk, and every number, bit-packed."""
        searcher = tantivy.Index.open(str(folder)).searcher()
        every = searcher.search(tantivy.Query.all_query(), limit=max(1, searcher.num_docs))
        addresses = [address for _, address in every.hits]
        for entry in json.loads((folder / "meta.json").read_bytes())["schema"]:
            place = f"{name}, field {entry['name']}"
            if entry["type"] == "text":
                terms = searcher.terms_with_prefix(entry["name"], "")
                self.look(place, "\n".join(term for term, _ in terms).encode())
            else:
                values = searcher.fast_field_values(entry["name"], addresses)
                self.places += 1
                self.found += [f"{value} in {place}" for value in values if self._is_planted(value)]
        del searcher

    def _is_planted(self, value: float | None) -> bool:
        """Tell whether a number of the index is one planted, or a day, a month or a year of the year planted."""
        if value is None:
            return False
        # An end of a range may be stored as the number beside it.
        if self.marks.digits in (value // 1000, int(abs(value) % 1 * 10 ** len(str(self.marks.digits)))):
            return True
        if not isinstance(value, int):
            return False
        days = range(date(self.marks.year, 1, 1).toordinal(), date(self.marks.year + 1, 1, 1).toordinal())
        months = range(self.marks.year * 12, self.marks.year * 12 + 12)
        return value == self.marks.year or value in months or value in days or value >> 32 in days


class _Needles:
    """Bytes with names, looked for all at once: there are a thousand of them, and many thousands of places."""

    def __init__(self, named: Iterable[tuple[str, bytes]]) -> None:
        self.names, needles = zip(*named, strict=True)
        self._automaton = BytesAhoCorasick(needles)

    def found_in(self, data: bytes) -> Iterator[str]:
        """Yield the name of each that is in there, in the order they were given in."""
        if data:
            found = {number for number, _, _ in self._automaton.find_matches_as_indexes(data, overlapping=True)}
            yield from (self.names[number] for number in sorted(found))


def look_through_copy(search: Search, folder: Path, copy: Path) -> None:
    """Look through a copy of a folder: opening an index leaves a lock beside it."""
    shutil.copytree(folder, copy, symlinks=True)
    try:
        search.look_through(copy)
    finally:
        shutil.rmtree(copy)


def _spellings(marks: Marks) -> Iterator[tuple[str, bytes]]:
    """Yield each way in which a mark may be written where case does not tell it from another."""
    yield "the Latin stem", marks.stem.encode()
    yield "the Latin stem in UTF-16", marks.stem.encode("utf-16-le")
    yield "the Latin stem in hexadecimal digits", marks.stem.encode().hex().encode()
    yield "the Latin stem's capitals in hexadecimal digits", marks.stem.upper().encode().hex().encode()
    for name, text in _cases(marks.cyrillic):
        yield f"the Cyrillic stem in {name}", text.encode()
        yield f"the Cyrillic stem in {name} in UTF-16", text.encode("utf-16-le")
        yield f"the Cyrillic stem in {name} in UTF-16, big end first", text.encode("utf-16-be")
        yield f"the Cyrillic stem in {name} escaped for JSON", json.dumps(text)[1:-1].encode()
        yield f"the Cyrillic stem in {name} escaped for XML", "".join(f"&#{ord(char)};" for char in text).encode()
        yield f"the Cyrillic stem in {name} escaped for an address", quote(text).encode()
        yield f"the Cyrillic stem in {name} in another code page", text.encode("cp1251")
        yield f"the Cyrillic stem in {name} in hexadecimal digits", text.encode().hex().encode()
    for where, value in marks.hashes.items():
        yield f"the hash of {where}", value.encode()
    yield "the digits", str(marks.digits).encode()
    yield "the year", f"{marks.year}-".encode()


def _encodings(marks: Marks) -> Iterator[tuple[str, bytes]]:
    """Yield each way in which a mark may be written that knows no case."""
    for name, text in (*_cases(marks.stem), *_cases(marks.cyrillic)):
        for shift in range(3):
            # What surrounds it changes the first and the last digits, not those between.
            coded = base64.b64encode(b"\0" * shift + text.encode() + b"\0" * 2)
            core = coded[(shift * 4 + 2) // 3 : (shift + len(text.encode())) * 4 // 3]
            yield f"a stem in {name} in Base64, shifted by {shift}", core
            yield (
                f"a stem in {name} in Base64 for addresses, shifted by {shift}",
                core.translate(bytes.maketrans(b"+/", b"-_")),
            )
    for where, value in marks.hashes.items():
        yield f"the bytes of the hash of {where}", bytes.fromhex(value)
    for where, number in marks.numbers.items():
        for order in "<>":
            yield f"the number of {where} as a double {order}", struct.pack(f"{order}d", number)
        if isinstance(number, int):
            yield f"the number of {where} as an integer", number.to_bytes(5, "big")
            yield f"the number of {where} as an integer, little end first", number.to_bytes(5, "little")


def _cases(stem: str) -> list[tuple[str, str]]:
    return [("small letters", stem), ("title case", stem.capitalize()), ("capitals", stem.upper())]


def _decompressed(data: bytes) -> Iterator[bytes]:
    """Yield what bytes hold if they are compressed in one of the ways that Python's library and ours know."""
    if data.startswith(b"\x1f\x8b"):
        with suppress(OSError, EOFError, zlib.error):
            yield gzip.decompress(data)
    if len(data) > 8:
        for bits in (zlib.MAX_WBITS, -zlib.MAX_WBITS):
            with suppress(zlib.error):
                inner = zlib.decompressobj(bits).decompress(data, 1 << 24)
                if inner:
                    yield inner
