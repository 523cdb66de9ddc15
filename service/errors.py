"""The exceptions of this project, as one tree. Imports none of our modules; any of them may import this one.

TestimonyArchiveError
├── SettingsInvalid            a setting that cannot be used
├── AnswerCutShort             an answer failed after its first bytes were out
├── ArchiveUnreadable          the archive file cannot be opened or read
├── FileUnsafe                 a file's path that leads out of the archive's folder
├── FileChanged                a file that was changed while it was read
├── EditRefused                a record of it cannot be changed or withdrawn
├── CitingRefused              the words of a source cannot be looked up
├── BringRefused               something of others cannot be brought into the archive
├── SigningKeyUnusable         a key file that statements cannot be signed or checked with
├── SignatureInvalid           a signature that does not fit what it should sign
├── CopyUnreadable             a copy of a release that cannot be read, so that nothing can be verified
├── BagInvalid                 a folder that should be a bag and is none, or a damaged one
├── DepotError
│   ├── DepotUnreachable       a store that cannot be reached, or refuses
│   ├── DepotInvalid           what lies there is no depot, or not this archive's, or not whole
│   └── DepotConflict          another publisher was first, or the chains have parted
├── MirrorError
│   ├── OriginUnreachable      the archive that is mirrored does not answer, or not in time
│   └── OriginRefused          what it answers is not what it says it is
├── ReleaseError
│   ├── NoRelease              nothing has been published yet
│   ├── ReleaseDamaged         files missing, changed, or written by another engine version
│   ├── ReleaseUnknown         no release of that number is kept
│   ├── PublishInProgress      another process holds the data folder
│   └── AdoptionRefused        a release of another archive that is not what was stated of it
└── Problem                    an answer in application/problem+json: see `Problem`
    ├── BadRequest             400
    ├── NotFound               404
    ├── MethodNotAllowed       405
    ├── NotAcceptable          406
    ├── Withdrawn              410
    ├── StartOver              410
    ├── ContentTooLarge        413
    ├── UriTooLong             414
    ├── UnsupportedMediaType   415
    ├── RangeNotSatisfiable    416
    ├── InvalidParameters      422
    ├── InvalidCursor          422
    ├── TooDeep                422
    ├── InternalError          500
    ├── NotReady               503
    ├── Busy                   503
    └── Broken                 503

A problem's class is one slug, one title and one status: `/problems/{slug}` is drawn from them and the docstring.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar


class TestimonyArchiveError(Exception):
    """Anything this project refuses, in one sentence that says what to do. Shown on one line, without a traceback."""

    __test__ = False  # the name reads like a test class to pytest


class SettingsInvalid(TestimonyArchiveError):
    """A setting, from a flag or the environment, that cannot be used; the message names it."""


class AnswerCutShort(TestimonyArchiveError):
    """An answer failed after its first bytes were out: the server closes the connection without ending it."""


class ArchiveUnreadable(TestimonyArchiveError):
    """The archive file cannot be opened or read: missing, not a regular file, no permission, an I/O error."""


class FileUnsafe(TestimonyArchiveError):
    """The path of a file leads out of the folder of the archive file, or to something else than a regular file."""


class FileChanged(TestimonyArchiveError):
    """A file of a source was changed while it was read."""


class EditRefused(TestimonyArchiveError):
    """A record cannot be changed or withdrawn: it is not there, or the archive file is not sound, or in use. It is as it was."""


class CitingRefused(TestimonyArchiveError):
    """The words of a source cannot be looked up: the source is not there, or its text is not, or is another one."""


class BringRefused(TestimonyArchiveError):
    """Something that others keep cannot be brought: it is not what it should be, or there is no place for it. Nothing was written."""


class SigningKeyUnusable(TestimonyArchiveError):
    """A key file that cannot be used: missing, protected by a passphrase, of another kind, open to others' eyes."""


class SignatureInvalid(TestimonyArchiveError):
    """A signature that is none, was made for another purpose, or does not fit what it should sign."""


class CopyUnreadable(TestimonyArchiveError):
    """A copy of a release that should be verified and cannot be read: no such place, cut short, no archive."""


class BagInvalid(TestimonyArchiveError):
    """A folder that should be a bag (BagIt) of an archive and is none, or whose files are not as they were packed."""


class DepotError(TestimonyArchiveError):
    """Something is wrong with a depot: releases in object storage, from where servers take them."""


class DepotUnreachable(DepotError):
    """The store of a depot cannot be reached, does not answer in time, or does not accept the credentials."""


class DepotInvalid(DepotError):
    """What lies in a depot is not whole, not what its manifest says, no depot at all, or one of another archive."""


class DepotConflict(DepotError):
    """Another publisher moved the depot on first, or the releases of the data folder are not those of the depot."""


class MirrorError(TestimonyArchiveError):
    """Something is wrong with following the archive that is mirrored."""


class OriginUnreachable(MirrorError):
    """The archive that is mirrored cannot be reached, or does not answer in time."""


class OriginRefused(MirrorError):
    """The archive that is mirrored answers with something else than it says: other bytes, no end, another archive."""


class ReleaseError(TestimonyArchiveError):
    """Something is wrong with the data folder or a release in it."""


class NoRelease(ReleaseError):
    """The data folder holds no release yet."""


class ReleaseDamaged(ReleaseError):
    """A release that must not be served: files missing or changed, or written by another version of the engine."""


class ReleaseUnknown(ReleaseError):
    """No release of that number is kept."""


class PublishInProgress(ReleaseError):
    """Another process is changing the data folder."""


class AdoptionRefused(ReleaseError):
    """A release that was to be published as another archive published it is not what is stated of it."""


@dataclass(frozen=True, slots=True)
class ParameterError:
    """What is wrong with one parameter: its name, a sentence, and what would be accepted, where that can be listed."""

    parameter: str
    message: str
    allowed: tuple[str, ...] | None = None


class Problem(TestimonyArchiveError):
    """An answer that is a problem (RFC 9457). `detail` never holds a private value."""

    slug: ClassVar[str]
    title: ClassVar[str]
    status: ClassVar[int]

    def __init__(
        self,
        detail: str,
        *,
        errors: Sequence[ParameterError] = (),
        headers: dict[str, str] | None = None,
        members: dict[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = tuple(errors)
        self.headers = headers or {}
        #: Members of the answer beyond those of RFC 9457, as its section 3.2 allows.
        self.members = members or {}


class BadRequest(Problem):
    """The request could not be understood as HTTP, for example because of a malformed header."""

    slug, title, status = "bad-request", "The request could not be understood", 400


class NotFound(Problem):
    """There is no such page or record, or the record is not public. The answer is the same for both."""

    slug, title, status = "not-found", "Nothing here", 404


class MethodNotAllowed(Problem):
    """The archive is read-only: GET, HEAD and OPTIONS are answered, and POST where a query is too long for an address. `Allow`
    lists what this address answers.
    """

    slug, title, status = "method-not-allowed", "This method is not answered here", 405


class NotAcceptable(Problem):
    """None of the media types that the request accepts can be given. `errors` lists those that can."""

    slug, title, status = "not-acceptable", "Not available in that format", 406


class Withdrawn(Problem):
    """The record was withdrawn. Its identifier is kept so that it is never used again; its content is gone.
    Delete your copies of it.
    """

    slug, title, status = "withdrawn", "This record was withdrawn", 410


class StartOver(Problem):
    """The cursor was read at a release that the change log at hand does not tell of: the archive went back to an earlier
    release, or was published anew. What has happened since cannot be told. Throw your copy away, ask for the changes
    without `cursor` and follow them from the beginning.
    """

    slug, title, status = "start-over", "The change log does not reach back to this cursor", 410


class ContentTooLarge(Problem):
    """The body of the request is longer than the server reads. Ask with fewer values, in several requests."""

    slug, title, status = "content-too-large", "The body is too long", 413


class UnsupportedMediaType(Problem):
    """The body of the request is not in a media type that is read here. A query is sent as `application/json`."""

    slug, title, status = "unsupported-media-type", "The body is not in a media type that is read here", 415


class UriTooLong(Problem):
    """The address is longer than the server reads."""

    slug, title, status = "uri-too-long", "The address is too long", 414


class RangeNotSatisfiable(Problem):
    """The range asked for begins after the last byte. `Content-Range` says how many bytes there are; who has asked to
    continue a download has all of them.
    """

    slug, title, status = "range-not-satisfiable", "There are no bytes in that range", 416


class InvalidParameters(Problem):
    """One or more query parameters are unknown, repeated or hold a value that cannot be used. `errors` names each,
    with a message and, where they can be listed, the names or values that are accepted.
    """

    slug, title, status = "invalid-parameters", "Some query parameters cannot be used", 422


class InvalidCursor(Problem):
    """The cursor was changed, comes from another collection, or was made for other filters or another sort order.
    Follow `links` as they are given, or start again without `cursor`.
    """

    slug, title, status = "invalid-cursor", "The cursor does not belong to this request", 422


class TooDeep(Problem):
    """Hits in order of relevance are paged through as far as the first 10,000: beyond, the order says little. Narrow the
    search with more words or filters, or give `sort=id` on a collection, which has no end.
    """

    slug, title, status = "too-deep", "Too far down a list by relevance", 422


class InternalError(Problem):
    """The server failed to answer. What went wrong is in its log, not in the answer."""

    slug, title, status = "internal-error", "The server failed to answer", 500


class NotReady(Problem):
    """The server has no release to serve at the moment. Try again after the seconds in `Retry-After`."""

    slug, title, status = "not-ready", "No release is being served", 503


class Busy(Problem):
    """More searches, counts and exports were asked for at once than the server works on. Cheap requests, such as a record
    or a page, are answered meanwhile. Try again after the seconds in `Retry-After`.
    """

    slug, title, status = "busy", "Too much to do at the moment", 503


class Broken(Problem):
    """The release being served was damaged on the server's disk, and what was asked for cannot be read from it, or not be
    trusted. Other addresses may go on answering. The operator is told by the server's log and `/readyz`.
    """

    slug, title, status = "release-damaged", "The release is damaged", 503


def problems() -> Iterator[type[Problem]]:
    """Yield every class of problem, by status, then slug."""
    yield from sorted(Problem.__subclasses__(), key=lambda problem: (problem.status, problem.slug))
