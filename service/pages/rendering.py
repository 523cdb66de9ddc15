"""Pages as HTML: the templates, what all of them are given, and the headers that keep readers safe."""

import hashlib
from functools import cache
from importlib.resources import files

from jinja2 import Environment
from markupsafe import Markup

from service.http.releases import MirrorMark
from service.pages.languages import LANGUAGES, Words, direction_of
from service.pages.reader import Reader, shortened
from service.pages.templating import new_environment
from service.pages.views import View
from service.pages.vocabulary import COLLECTIONS, RECORDS

#: What a page may load: our own style sheet, scripts and pictures. Nothing inline runs, nothing comes from elsewhere, and no other site
#: may show a page in a frame of its own.
POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; media-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
#: Files that pages load, and their types.
ASSETS = {
    "style.css": "text/css",
    "check.js": "text/javascript",
    "player.js": "text/javascript",
    "findings.js": "text/javascript",
    "icon.svg": "image/svg+xml",
}
#: Characters of a title in the title bar.
_TITLE_LENGTH = 120
#: Where the address of a web page may lead; anything else is shown as text.
_WEB = ("https://", "http://")

_FOLDER = files("service.pages")


@cache
def _environment() -> Environment:
    environment = new_environment()
    environment.filters |= {"shortened": shortened, "clock": clock}
    environment.tests["web_address"] = lambda value: isinstance(value, str) and value.startswith(_WEB)
    environment.globals |= {
        "collections": COLLECTIONS,
        "record_names": RECORDS,
        "languages": LANGUAGES,
        "direction_of": direction_of,
    }
    return environment


def clock(seconds: float) -> str:
    """Return a time in a recording: hours, where there are any, minutes and seconds."""
    hours, rest = divmod(int(seconds), 3600)
    minutes, left = divmod(rest, 60)
    return f"{hours}:{minutes:02}:{left:02}" if hours else f"{minutes}:{left:02}"


def draw(reader: Reader, view: View, *, indexed: bool, mirror: MirrorMark | None = None) -> bytes:
    """Return a page as HTML. `indexed`: whether search engines may list it. `mirror`: of what the archive is a mirror here."""
    template = _environment().get_template(view.template)
    theme = theme_of(reader.head)
    site = theme.get("title") or reader.head["title"]
    title = shortened(f"{view.title} – {site}" if view.title else site, _TITLE_LENGTH)
    html = template.render(
        reader=reader,
        view=view,
        _=reader.say,
        site=site,
        footer=theme.get("footer"),
        page_title=title,
        indexed=indexed,
        mirror=mirror,
        api_address=None if view.api is None else reader.api(*view.api),
        asset=lambda name: asset_address(reader, name),
        **view.context,
    )
    return html.encode()


def bare(template: str, words: Words, **context: object) -> bytes:
    """Return a page that is about no release: without the archive's look."""
    given = {"_": words.say, "language": words.language, "direction": direction_of(words.language)}
    return _environment().get_template(template).render(**given, **context).encode()


def theme_of(head: dict[str, object]) -> dict[str, str]:
    """Return the look that an archive brings: `title`, `accent` and `footer`, where it states them."""
    theme = head.get("theme")
    return {key: str(value) for key, value in theme.items() if value} if isinstance(theme, dict) else {}


# --- Files that pages load --------------------------------------------------------------------------------------------


def asset(name: str, accent: str | None) -> bytes:
    """Return a file that pages load. The archive's colour goes into the style sheet: pages carry no style of their own."""
    body = _file(name)
    if name == "style.css" and accent:
        body = f":root{{--accent:{accent}}}\n".encode() + body.replace(b"--accent:", b"--usual-accent:", 1)
    return body


@cache
def _file(name: str) -> bytes:
    return (_FOLDER / "static" / name).read_bytes()


def asset_address(reader: Reader, name: str) -> Markup:
    """Return the address of a file that pages load; another one when the file changes, so that it can be kept for long."""
    accent = theme_of(reader.head).get("accent")
    return Markup(f"{reader.root}/assets/{name}?v={_digest(name, accent)}")  # noqa: S704 - a path of ours


@cache
def _digest(name: str, accent: str | None) -> str:
    return hashlib.sha256(asset(name, accent)).hexdigest()[:12]
