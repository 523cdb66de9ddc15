"""Random archives, of which random records are hidden: the release is that of the archive without them, and no text of
theirs, nor a private one, is in a byte of it unless a public record says it too.
"""

import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.archive.identifiers import PLURALS
from service.release.publish import Published, publish
from tests.archives import TIMES, Fields, random_archives, write

NOW = datetime(2026, 3, 4, tzinfo=UTC)
# In marks of their own, so that none is part of a word that every release has.
SECRETS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=30).map("⟦{}⟧".format)
PRIVATE = st.recursive(
    SECRETS | st.integers(-(2**53), 2**53),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(SECRETS, inner, max_size=3),
)
HIDDEN: list[Fields] = [
    {"visibility": "restricted"},
    {"visibility": "embargoed", "embargo_until": "2026-03-05"},
    {"consent": {"expires": "2026-03-04"}},
    {"consent": {"scope": ["research", "training"], "reference": "⟦the form⟧"}},
]
SHOWN: list[Fields] = [
    {},
    {"consent": {"scope": ["publish"], "expires": "2026-03-05"}},
    {"consent": {"given": "2019-01-01", "review": "2026-01-01", "reference": "⟦the form⟧"}},
    {"visibility": "embargoed", "embargo_until": "2026-03-04"},
]
#: What is told of a consent.
TOLD = ("scope", "expires")


@st.composite
def archives_with_secrets(draw: st.DrawFn) -> tuple[Fields, Fields]:
    """An archive with hidden records and private fields, and what is public of it: without either."""
    whole = draw(random_archives())
    records = [each for plural in PLURALS.values() for each in whole[plural]]
    hidden = {each["id"] for each in records if draw(st.integers(0, 4)) == 0}
    # What refers to something hidden has to be hidden as well.
    while more := {each["id"] for each in records if each["id"] not in hidden and hidden & set(texts(each))}:
        hidden |= more
    public: Fields = {**whole, **{plural: [] for plural in PLURALS.values()}}
    for plural in PLURALS.values():
        for each in whole[plural]:
            access = draw(st.sampled_from(HIDDEN if each["id"] in hidden else SHOWN))
            if each["id"] in hidden:
                each.update(
                    {name: draw(SECRETS) for name in ("title", "name", "label", "summary", "unit") if name in each}
                )
            else:
                told = {key: value for key, value in access.get("consent", {}).items() if key in TOLD}
                public[plural].append({**each, "access": {"consent_basis": "guardian", "consent": told}})
            each["access"] = {"consent_basis": "guardian", **access, "private": draw(PRIVATE)}
    return whole, public


def texts(value: Any) -> Iterator[str]:
    """Yield every text inside a value, keys too."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from value
        for inner in value.values():
            yield from texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner)


def published(whole: Fields, folder: Path) -> Published:
    folder.mkdir()
    return publish(write(folder / "a.json", whole), folder / "data", now=lambda: NOW)


def content(release: Published) -> dict[str, bytes]:
    """Return every file of a release whose name is not drawn by chance, as those of the text index are."""
    return {
        name: (release.folder / name).read_bytes() for name in release.manifest.files if not name.startswith("index/")
    }


@given(archives_with_secrets())
@settings(max_examples=20 * TIMES, deadline=None, suppress_health_check=list(HealthCheck))
def test_nothing_of_what_is_hidden_is_published(drawn: tuple[Fields, Fields]) -> None:
    whole, public = drawn
    with tempfile.TemporaryDirectory() as folder:
        release = published(whole, Path(folder) / "whole")
        everything = b"\0".join(path.read_bytes() for path in release.folder.rglob("*") if path.is_file())
        assert content(release) == content(published(public, Path(folder) / "public"))
    for secret in set(texts(whole)) - set(texts(public)):
        if secret.startswith("⟦"):
            assert secret.encode() not in everything, secret
