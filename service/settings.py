"""The settings of the server and the command, read once from flags and the environment and passed on."""

import ipaddress
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from service.errors import SettingsInvalid

PREFIX = "TESTIMONY_ARCHIVE_"

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


#: Addresses that only this machine reaches.
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


class LogFormat(StrEnum):
    """How the server writes what it tells: lines for people, or a JSON object a line for machines."""

    LINE = "line"
    JSON = "json"


class AccessLog(StrEnum):
    """What is logged of each request: nothing; the route, never what was asked or by whom; or all of it."""

    OFF = "off"
    ROUTE = "route"
    FULL = "full"


class Settings(BaseSettings):
    """What an operator may set. Each is `TESTIMONY_ARCHIVE_` and the name in capitals in the environment."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, frozen=True, extra="ignore")

    #: The archive file that `serve` publishes; without one, the seed archive where the data folder is empty.
    archive: Path | None = None
    #: Whether the archive is published again at each save, and what is wrong with it shown at /findings. For the machine of
    #: whoever edits it: findings tell of records that are not public.
    watch: bool = False
    #: The folder that releases are published into and served from.
    data: Path = Path("data")
    host: Annotated[str, Field(min_length=1)] = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    workers: Annotated[int, Field(ge=1, le=64)] = 1
    #: The path below which a proxy in front of the server shows it, such as /testimony.
    root_path: Annotated[str, Field(pattern=r"^(/[A-Za-z0-9._~-]+)*$")] = ""
    #: Addresses or networks of proxies whose X-Forwarded-* headers are believed, separated by commas.
    trusted_proxies: Annotated[tuple[Network, ...], NoDecode] = ()
    #: Memory for answers that are given again, in MiB, of each worker; 0 keeps none.
    cache_mib: Annotated[int, Field(ge=0, le=65536)] = 64
    #: Releases kept in the data folder, the current one included.
    keep: Annotated[int, Field(ge=1, le=1000)] = 3
    #: The private key that statements of releases are signed with: Ed25519, of OpenSSH, without a passphrase.
    sign: Path | None = None
    #: Where releases lie for many servers: s3://bucket/prefix, gs://, az:// or file:///folder. Credentials come from the
    #: environment under the names that each vendor uses.
    depot: str | None = None
    #: The address of another archive that this server is a mirror of.
    mirror: str | None = None
    #: Public keys, one of which must have signed what is mirrored: a file as `ssh-keygen -Y verify` takes it.
    allowed_signers: Path | None = None
    #: Whether /metrics answers with what is measured, for Prometheus.
    metrics: bool = False
    #: Whether there is a reading room: HTML for people at `/`, beside the API.
    pages: bool = True
    #: Whether search engines may list the pages of the reading room, and find a sitemap.
    indexed: bool = False
    #: Whether cached answers and quick ones are given below ASGI: faster, and the same. Off where uvicorn misbehaves with it.
    fast_path: bool = True
    log_format: LogFormat = LogFormat.LINE
    access_log: AccessLog = AccessLog.OFF

    @field_validator("trusted_proxies", mode="before")
    @classmethod
    def _networks(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @model_validator(mode="after")
    def _watches_for_its_editor_alone(self) -> "Settings":
        if self.watch and self.host not in _LOOPBACK:
            raise ValueError("only where nobody else can look (host 127.0.0.1): findings tell of what is not public")
        if self.watch and self.archive is None:
            raise ValueError("name the archive to watch, with --archive")
        return self

    def as_environment(self) -> dict[str, str]:
        """Return the environment that `read_settings` reads as these settings, in any folder."""
        settings = self.model_copy(
            update={
                "data": self.data.absolute(),
                "archive": self.archive and self.archive.absolute(),
                "sign": self.sign and self.sign.absolute(),
                "allowed_signers": self.allowed_signers and self.allowed_signers.absolute(),
            }
        )
        return {PREFIX + name.upper(): _as_variable(value) for name, value in settings}


def _as_variable(value: object) -> str:
    """Return a setting as an environment variable's value. An empty one counts as not set."""
    if isinstance(value, tuple):
        return ",".join(str(part) for part in value)
    return "" if value is None else str(value)


def read_settings(**flags: object) -> Settings:
    """Return the settings: flags that are given (not None) before the environment before the defaults.

    Raises SettingsInvalid, which names the setting.
    """
    given = {name: value for name, value in flags.items() if value is not None}
    try:
        return Settings(**given)  # type: ignore[arg-type]
    except ValidationError as invalid:
        error = invalid.errors(include_url=False)[0]
        if not error["loc"]:
            raise SettingsInvalid(f"--watch: {error['msg'].removeprefix('Value error, ')}") from None
        name = str(error["loc"][0])
        source = f"--{name.replace('_', '-')}" if name in given else f"{PREFIX}{name.upper()}"
        raise SettingsInvalid(f"{source}: {error['msg']} (given: {error['input']!r})") from None
