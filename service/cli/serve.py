"""`testimony-archive serve`: everything up to the server itself, which is imported here alone."""

import signal
import socket
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from service.cli.events import failures_logged, tell
from service.cli.following import following
from service.cli.parameters import DataFolder, Depot, SigningKey
from service.cli.publish import publish_archive, tell_published
from service.errors import SettingsInvalid, TestimonyArchiveError
from service.release.data_folder import current_folder
from service.release.manifest import read_manifest
from service.release.opening import open_current
from service.settings import AccessLog, LogFormat, Settings, read_settings


def serve_command(
    *,
    archive: Annotated[Path | None, typer.Option(help="Publish this archive first, if it changed.")] = None,
    watch: Annotated[
        bool | None, typer.Option("--watch", help="Publish it again at each save; findings are shown at /findings.")
    ] = None,
    data: DataFolder = None,
    sign: SigningKey = None,
    depot: Depot = None,
    mirror: Annotated[
        str | None, typer.Option(help="Be a mirror of another archive: its address.", metavar="URL")
    ] = None,
    allowed_signers: Annotated[
        Path | None, typer.Option(help="Mirror only what one of these public keys has signed.", metavar="FILE")
    ] = None,
    host: Annotated[str | None, typer.Option(help="The address to listen on (default: 127.0.0.1).")] = None,
    port: Annotated[int | None, typer.Option(help="The port; 0 takes a free one (default: 8000).")] = None,
    workers: Annotated[int | None, typer.Option(help="Processes that answer (default: 1).")] = None,
    root_path: Annotated[str | None, typer.Option(help="The path a proxy shows the server below.")] = None,
    cache_mib: Annotated[
        int | None, typer.Option(help="MiB for answers that are given again; 0 keeps none (default: 64).")
    ] = None,
    trusted_proxies: Annotated[
        str | None, typer.Option(help="Proxies whose X-Forwarded-* headers are believed, separated by commas.")
    ] = None,
    pages: Annotated[
        bool | None, typer.Option("--pages/--no-pages", help="The reading room at / (default: on).")
    ] = None,
    indexed: Annotated[
        bool | None, typer.Option("--indexed", help="Let search engines list the reading room's pages.")
    ] = None,
    metrics: Annotated[bool | None, typer.Option("--metrics", help="Answer /metrics, for Prometheus.")] = None,
    fast_path: Annotated[
        bool | None, typer.Option("--fast-path/--no-fast-path", help="Give cached and quick answers below ASGI.")
    ] = None,
    log_format: Annotated[LogFormat | None, typer.Option(help="Lines for people, or JSON (default: line).")] = None,
    access_log: Annotated[
        AccessLog | None, typer.Option(help="Log requests: by route, or in full with who asked what (default: off).")
    ] = None,
) -> None:
    """Serve the current release over HTTP; publish the seed archive first where there is none.

    With --depot or --mirror releases come from there, and nothing is published here.

    Example: testimony-archive serve --port 8080
    """
    settings = read_settings(
        archive=archive,
        watch=watch,
        data=data,
        sign=sign,
        depot=depot,
        mirror=mirror,
        allowed_signers=allowed_signers,
        host=host,
        port=port,
        workers=workers,
        root_path=root_path,
        trusted_proxies=trusted_proxies,
        pages=pages,
        indexed=indexed,
        metrics=metrics,
        fast_path=fast_path,
        log_format=log_format,
        access_log=access_log,
        cache_mib=cache_mib,
    )
    is_followed = _is_followed(settings)
    # The framework takes half a second to import, which no other command should wait for.
    from service.app import WORKER, create_app  # noqa: PLC0415
    from service.http.server import run_server  # noqa: PLC0415

    # The address comes first: that it is taken should not be found out after a long publication.
    with failures_logged(settings), _leaving_when_told(), closing(_bind(settings)) as bound, ExitStack() as stack:
        is_whole = not is_followed and _prepare(settings)
        stack.enter_context(following(settings) if is_followed else _watching(settings))
        run_server(
            settings,
            bound,
            application=partial(create_app, settings, verify=not is_whole),
            worker=WORKER,
            tell=partial(tell, settings),
        )


def _is_followed(settings: Settings) -> bool:
    """Tell whether releases come from elsewhere. Raises SettingsInvalid where the settings contradict each other."""
    if settings.depot is not None and settings.mirror is not None:
        raise SettingsInvalid("releases come from a depot or from another archive: give --depot or --mirror, not both")
    followed = settings.depot is not None or settings.mirror is not None
    if followed and (settings.archive is not None or settings.watch):
        raise SettingsInvalid("with --depot or --mirror nothing is published here: leave out --archive and --watch")
    if settings.allowed_signers is not None and settings.mirror is None:
        raise SettingsInvalid("--allowed-signers is for --mirror: public keys that must have signed what is mirrored")
    return followed


@contextmanager
def _leaving_when_told() -> Iterator[None]:
    """Leave with exit code 0 on SIGTERM and SIGINT, also as a container's first process, which by itself heeds no
    SIGTERM. What is being published then is cleared away.
    """
    before = {number: signal.signal(number, _leave) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _leave(*_: object) -> NoReturn:
    raise SystemExit(0)


def _watching(settings: Settings) -> AbstractContextManager[None]:
    """Return what publishes the archive at each save, where that was asked for."""
    if not settings.watch or settings.archive is None:
        return nullcontext()
    from service.cli.watching import watched  # noqa: PLC0415 - only this needs the library that watches

    return watched(settings, settings.archive, partial(tell, settings))


def _prepare(settings: Settings) -> bool:
    """Publish what is to be published, and make sure that a release can be served. Returns whether nothing is damaged of it:
    without its index of words it is served all the same. Raises NoRelease or ReleaseDamaged.
    """
    from service.http.releases import is_compared_first  # noqa: PLC0415 - with the framework, as above

    _publish_first(settings)
    # Here, once, so that a damaged release stops the command and not each of its workers. One that takes long to
    # compare with its manifest is compared while it is being served.
    folder = current_folder(settings.data)
    verify = folder is not None and is_compared_first(read_manifest(folder))
    with closing(open_current(settings.data, verify=verify, in_part=True)) as release:
        return release.damage is None


def _publish_first(settings: Settings) -> None:
    """Publish the archive that was asked for, or the seed where the data folder is empty. One that is watched is published
    by its watcher, where there is a release to serve already.
    """
    archive = settings.archive
    has_release = current_folder(settings.data) is not None
    if has_release and (settings.watch or archive is None):
        return
    if archive is None:
        archive = seed_archive()
    tell_published(publish_archive(archive, settings), settings)


def seed_archive() -> Path:
    """Return the seed archive: as installed, or as it lies in a checkout."""
    here = Path(__file__).parent.parent
    installed = here / "seed" / "archive.json"
    return installed if installed.exists() else here.parent / "seed" / "archive.json"


def _bind(settings: Settings) -> socket.socket:
    """Return a socket that has the address and does not listen yet."""
    host, port = settings.host, settings.port
    bound = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
    except (OSError, UnicodeError) as error:
        bound.close()
        reason = error.strerror if isinstance(error, OSError) else "not the name of a host"
        raise TestimonyArchiveError(f"cannot listen on {host}:{port} ({reason})") from None
    return bound
