"""Which release is being served, and moving over to a new one. Requests under way finish on the release they began with."""

import asyncio
import logging
from pathlib import Path

from anyio import CapacityLimiter
from starlette.types import Scope

from service.api.logs import log_event
from service.catalogue.browsing import Catalogue
from service.errors import NotReady, ReleaseDamaged, ReleaseError
from service.release.store import current_folder, open_release

#: Seconds between two looks at the data folder: a new release is served within twice that.
LOOK_EVERY_S = 1.0
#: Seconds after which a reader that was told `503` may try again.
RETRY_AFTER_S = 5
#: Threads that write long answers, whatever their number: more would not be faster, since Python runs one at a time,
#: and would keep short answers waiting.
STREAM_THREADS = 2


class Served:
    """One release being served, and how many requests hold it. Used on the event loop only."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        #: What tells this publication from every other, also of the same content elsewhere or at another time.
        manifest = catalogue.release.manifest
        self.key = f"{manifest.id} {manifest.number} {manifest.published_at}"
        self._holders = 0
        self._retired = False

    def hold(self) -> None:
        self._holders += 1

    def let_go(self) -> None:
        self._holders -= 1
        self._close_if_done()

    def retire(self) -> None:
        """Close the release once nobody holds it."""
        self._retired = True
        self._close_if_done()

    def _close_if_done(self) -> None:
        if self._retired and self._holders == 0:
            self.catalogue.release.close()


class Serving:
    """The release that new requests are answered from, if any, and the watch for the next."""

    def __init__(self, data: Path, *, verify: bool = True) -> None:
        self._data = data
        self._verify = verify
        self._served: Served | None = None
        self._watch: asyncio.Task[None] | None = None
        #: Shared by all long answers: each takes a thread for one piece at a time, in turn.
        self.stream_threads = CapacityLimiter(STREAM_THREADS)
        #: Why there is no release, or why a newer one was refused; None where all is well.
        self.trouble: str | None = None

    @property
    def served(self) -> Served | None:
        """The release that a request which comes now is answered from."""
        return self._served

    @staticmethod
    def of(scope: Scope) -> Served:
        """Return the release that a request began with. Raises NotReady."""
        served: Served | None = scope["state"]["served"]
        if served is None:
            raise NotReady(
                "No release has been published yet, or it cannot be opened.",
                headers={"Retry-After": str(RETRY_AFTER_S)},
            )
        return served

    async def start(self) -> None:
        """Open the current release, if there is one, and begin to watch for the next."""
        await self._look()
        # Later releases are always verified: they were not there when the operator started the server.
        self._verify = True
        self._watch = asyncio.create_task(self._keep_looking())

    async def stop(self) -> None:
        """Stop watching and close the release."""
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)
        if self._served is not None:
            self._served.retire()
            self._served = None

    async def _keep_looking(self) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            await self._look()

    async def _look(self) -> None:
        """Move over to the current release if it is another one than that being served."""
        try:
            folder = current_folder(self._data)
            if folder is None:
                self._report("no release has been published yet", "release_missing")
            elif self._served is None or folder != self._served.catalogue.release.folder:
                catalogue = await asyncio.to_thread(self._open, folder)
                before, self._served = self._served, Served(catalogue)
                if before is not None:
                    before.retire()
                manifest = catalogue.release.manifest
                log_event(
                    logging.INFO,
                    "release_served",
                    f"serving release {folder.name}",
                    release=manifest.id,
                    number=manifest.number,
                )
                self.trouble = None
            else:
                self.trouble = None
        except (ReleaseError, OSError) as error:
            self._report(str(error), "release_damaged" if isinstance(error, ReleaseDamaged) else "release_unreadable")

    def _open(self, folder: Path) -> Catalogue:
        release = open_release(folder, verify=self._verify)
        release.prepare_streams(STREAM_THREADS)
        return Catalogue(release)

    def _report(self, trouble: str, event: str) -> None:
        """Say once what is wrong; the release being served, if any, goes on being served."""
        if trouble != self.trouble:
            self.trouble = trouble
            log_event(logging.WARNING, event, trouble)
