"""Public files of sources travel with the release: through a depot, to a mirror, and are gone where they are withdrawn."""

import hashlib
import json
from pathlib import Path

from service.depots.depot import read_position
from service.depots.mirrors import Mirror
from service.depots.stores import Store
from service.release.kept_files import FILES
from service.settings import Settings
from tests.archives import archive, record
from tests.conftest import running
from tests.depots.publishing import files_of, publish_into, replica_of

FILE = b"WEBVTT\n\n00:00.000 --> 00:01.000\nThey came at night.\n"


def test_files_travel(tmp_path: Path, depot: str) -> None:
    (tmp_path / "words.vtt").write_bytes(FILE)
    described = {
        "name": "words.vtt",
        "path": "words.vtt",
        "media_type": "text/vtt",
        "bytes": len(FILE),
        "sha256": hashlib.sha256(FILE).hexdigest(),
        "role": "subtitles",
        "public": True,
    }
    whole = archive(record("src-2", files=[described]), record("tes-1"))
    published = publish_into(depot, tmp_path / "data", whole)
    assert published.manifest.kept
    kept = files_of(tmp_path / "data" / FILES)
    assert set(kept) == set(published.manifest.kept)
    replica = replica_of(depot, tmp_path / "replica")
    replica.look()
    assert files_of(tmp_path / "replica" / FILES) == kept
    with running(Settings(data=tmp_path / "data")) as client:
        mirror = Mirror(str(client.base_url), tmp_path / "mirror")
        mirror.look()
        assert files_of(tmp_path / "mirror" / FILES) == kept
        assert not (tmp_path / "mirror" / ".mirrored").exists()
        # One that is public no longer is gone everywhere, once the depot keeps one release.
        publish_into(depot, tmp_path / "data", archive(record("src-2"), record("tes-1")), keep=1)
        while client.get("/readyz").json()["release"] != _current(tmp_path):
            pass
        mirror.look()
    replica.look()
    for name in ("data", "replica", "mirror"):
        assert files_of(tmp_path / name / FILES) == {}
    assert read_position(Store(depot)) is not None
    assert not {path.name for path in (tmp_path / "depot" / "files").iterdir()} & set(kept)


def _current(folder: Path) -> str:
    [manifest] = (folder / "data" / "current").glob("manifest.json")
    return str(json.loads(manifest.read_bytes())["id"])
