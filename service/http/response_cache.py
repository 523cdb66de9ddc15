"""The cache of whole responses: what was answered once is given again without looking, until there is a new release."""

import asyncio
from collections import OrderedDict

from service.http.responses import CompleteResponse, RawHeaders, matches

#: Bytes that keeping an answer costs besides its body: key, headers and the objects around them.
OVERHEAD = 3000
#: The longest key that is kept, in bytes: of clients that send long headers or ask long questions there are few.
LONGEST_KEY = 4096
#: Answers larger than this part of the cache are not kept: one of them would drive out many.
LARGEST_PART = 16
#: Requests that are remembered as asked once. An answer is kept when it is asked for again: who reads everything once must
#: not drive out what many read, and keeping costs a third of what making a page does.
ASKED_ONCE = 20_000

#: All that the bytes of an answer depend on: release, scheme, path, query, and the headers that choose.
Key = tuple[object, ...]


def length_of(key: Key) -> int:
    """Return the bytes of all that a key consists of."""
    return sum(len(part) for part in key if isinstance(part, bytes | str))


def _length(headers: RawHeaders) -> int:
    return sum(len(name) + len(value) for name, value in headers)


class _Kept:
    """An answer that is kept, and the one that says that the client has it already: of an answer that only such a client
    has asked for, nothing else is there.
    """

    __slots__ = ("size", "tag", "unchanged", "whole")

    def __init__(self, key: Key, tag: bytes, whole: CompleteResponse | None, unchanged: CompleteResponse) -> None:
        self.tag = tag
        self.whole = whole
        self.unchanged = unchanged
        # Headers twice, since a connection writes them down as they stand on the wire.
        headers = sum(_length(each.headers) for each in (whole, unchanged) if each is not None)
        self.size = OVERHEAD + length_of(key) + 2 * headers + (0 if whole is None else len(whole.body))

    def answer(self, known: bytes) -> CompleteResponse | None:
        """Return what to send to a client who names these tags in If-None-Match; None where it is not at hand."""
        if known == self.tag or matches(known.decode("latin-1"), self.tag.decode("latin-1")):
            return self.unchanged
        return self.whole


class ResponseCache:
    """Answers of one release, bounded in bytes, the least used forgotten first. Used on the event loop only.

    Of several requests for an answer that takes long to make, one makes it and the others wait: a stampede costs one
    answer.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.hits = 0
        self.misses = 0
        # Not a cache of a library's: looking there takes longer than all else that giving an answer again does.
        self._kept: OrderedDict[Key, _Kept] = OrderedDict()
        self._bytes = 0
        self._making: dict[Key, asyncio.Event] = {}
        #: Hashes of what was asked once; forgotten all together when there are many.
        self._asked_once: set[int] = set()

    def get(self, key: Key, known: bytes | None) -> CompleteResponse | None:
        """Return an answer for a client who names these tags in If-None-Match, if it is at hand."""
        kept = self._kept.get(key)
        if kept is None:
            return None
        answer = kept.whole if known is None else kept.answer(known)
        if answer is not None:
            self.hits += 1
            self._kept.move_to_end(key)
        return answer

    async def get_or_make(self, key: Key, known: bytes | None) -> CompleteResponse | None:
        """Return an answer that another request is making just now; None where the caller is the one to make it, who
        must say `made` when it is kept or will not be.
        """
        if (answer := self.get(key, known)) is not None:
            return answer
        making = self._making.get(key)
        if making is not None:
            self._asked_once.add(hash(key))
            await making.wait()
            if (answer := self.get(key, known)) is not None:
                return answer
        self.misses += 1
        self._making.setdefault(key, asyncio.Event())
        return None

    def is_being_made(self, key: Key) -> bool:
        """Tell whether a request is making this answer just now."""
        return key in self._making

    def made(self, key: Key) -> None:
        """Let those go on who wait for this answer."""
        if (making := self._making.pop(key, None)) is not None:
            making.set()

    def keep(self, key: Key, answer: CompleteResponse) -> None:
        """Keep an answer that was asked for before, or is waited for, if it is one of a release and not too large."""
        if not self.size or not self._is_asked_again(key):
            return
        tag = next((value for name, value in answer.headers if name == b"etag"), None)
        if tag is None or length_of(key) > LONGEST_KEY:
            return
        if answer.status == 200:
            self._put(key, _Kept(key, tag, answer, answer.unchanged()))
        elif answer.status == 304 and key not in self._kept:
            self._put(key, _Kept(key, tag, None, answer))

    def _is_asked_again(self, key: Key) -> bool:
        asked = hash(key)
        if asked in self._asked_once:
            return True
        if len(self._asked_once) >= ASKED_ONCE:
            self._asked_once.clear()
        self._asked_once.add(asked)
        return False

    def _put(self, key: Key, kept: _Kept) -> None:
        if kept.size > self.size // LARGEST_PART:
            return
        before = self._kept.pop(key, None)
        self._kept[key] = kept
        self._bytes += kept.size - (0 if before is None else before.size)
        while self._bytes > self.size:
            _, dropped = self._kept.popitem(last=False)
            self._bytes -= dropped.size

    def clear(self) -> None:
        """Forget everything: a new release is being served."""
        self._kept.clear()
        self._asked_once.clear()
        self._bytes = 0
