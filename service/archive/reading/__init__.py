"""An archive file as a stream of its pieces, in memory that does not grow with the file.

Owns bytes, JSON syntax and where a piece stands in the file. Knows the kinds of pieces, no record's fields.
"""

from service.archive.reading.files import SUFFIXES as SUFFIXES
from service.archive.reading.files import open_regular as open_regular
from service.archive.reading.limits import MAX_DEPTH as MAX_DEPTH
from service.archive.reading.limits import MAX_RECORD as MAX_RECORD
from service.archive.reading.pieces import Finding as Finding
from service.archive.reading.pieces import HeadWatch as HeadWatch
from service.archive.reading.pieces import Item as Item
from service.archive.reading.pieces import Line as Line
from service.archive.reading.pieces import TablePlace as TablePlace
from service.archive.reading.pieces import join_pointer as join_pointer
from service.archive.reading.pieces import locate as locate
from service.archive.reading.stream import parsed as parsed
from service.archive.reading.stream import read_archive as read_archive
from service.archive.reading.stream import read_batches as read_batches
