"""Bags: a release packed for keeping (BagIt, RFC 8493), described for repositories (RO-Crate), to be published again.

The bagit library packs and validates; what lies in the bag is decided here.
"""

import logging
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bagit
import orjson

from service.archive.files import published_path
from service.archive.model import archive_schema
from service.archive.writing import sync_folder
from service.errors import BagInvalid, TestimonyArchiveError
from service.release.kept_files import data_of, kept_path
from service.release.manifest import CANONICAL
from service.release.opening import Release
from service.release.statements import SIGNATURE, SIGNATURES, STATEMENT, STATEMENTS

#: The file that makes a folder a bag.
BAG_DECLARATION = "bagit.txt"
#: The folder of a bag that holds what was packed.
PAYLOAD = "data"
SCHEMA = "archive.schema.json"
TEXTS = "texts"
CRATE = "ro-crate-metadata.json"
_CRATE_CONTEXT = "https://w3id.org/ro/crate/1.1/context"
_CRATE_PROFILE = "https://w3id.org/ro/crate/1.1"
_MEDIA_TYPES = {".jsonl": "application/x-ndjson", ".json": "application/json", ".txt": "text/plain"}
_DESCRIPTIONS = {
    CANONICAL: "The public archive, one record a line. Its SHA-256 is the release id.",
    SCHEMA: "The JSON Schema of archive.json, whose records are the same.",
    STATEMENT: "What this release says of itself. It names the statement before by its SHA-256.",
    SIGNATURE: "The signature of the statement, for: ssh-keygen -Y verify -n testimony-archive",
    STATEMENTS: "The statements of this release and all before it, a line each, the oldest first.",
    SIGNATURES: "Their signatures, a line each, with the number of the release.",
}

# The library tells of each file that it packs, which is of no interest where all goes well.
logging.getLogger(bagit.MODULE_NAME).setLevel(logging.CRITICAL)


# --- Packing ----------------------------------------------------------------------------------------------------------


def write_bag(release: Release, target: Path) -> None:
    """Pack a release into the folder `target`, which must be empty or not there. Raises TestimonyArchiveError.

    It appears whole or not at all. The same release gives the same bag.
    """
    try:
        if target.exists() and (not target.is_dir() or any(target.iterdir())):
            raise TestimonyArchiveError(f"{target} is there already and is not an empty folder")
        staging = Path(tempfile.mkdtemp(dir=target.absolute().parent, prefix=f".{target.name}."))
    except OSError as error:
        raise TestimonyArchiveError(f"{target} cannot be written ({error.strerror})") from None
    try:
        _write_payload(release, staging)
        bagit.make_bag(str(staging), _bag_info(release), checksums=["sha256"])
        staging.chmod(0o755)
        staging.replace(target)
        sync_folder(target.absolute().parent)
    except OSError as error:
        raise TestimonyArchiveError(f"{target} could not be written ({error.strerror or error})") from None
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _write_payload(release: Release, folder: Path) -> None:
    for name in (CANONICAL, STATEMENT, STATEMENTS, SIGNATURES, SIGNATURE):
        if (release.folder / name).exists():
            shutil.copyfile(release.folder / name, folder / name)
    (folder / SCHEMA).write_bytes(_indented(archive_schema()))
    for source, text in _texts(release):
        (folder / TEXTS).mkdir(exist_ok=True)
        (folder / TEXTS / f"{source}.txt").write_bytes(text)
    for sha256 in release.manifest.kept:
        target = folder / published_path(sha256)
        target.parent.mkdir(exist_ok=True)
        shutil.copyfile(kept_path(data_of(release.folder), sha256), target)
    (folder / CRATE).write_bytes(_indented(_crate(release, folder)))


def _texts(release: Release) -> Iterator[tuple[str, bytes]]:
    """Yield the texts of sources that may be republished, by identifier."""
    rows = release.connection().execute("SELECT id, content FROM source_text JOIN record USING (ordinal) ORDER BY id")
    yield from rows


def _bag_info(release: Release) -> dict[str, str]:
    head = release.head
    return {
        "Source-Organization": _one_line(head["publisher"]["name"]),
        "External-Description": _one_line(head["title"]),
        "External-Identifier": release.id,
        "Bagging-Date": release.manifest.published_at[:10],
        "Bag-Software-Agent": f"testimony-archive {release.manifest.engine}",
    }


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _indented(value: object) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE)


# --- Describing -------------------------------------------------------------------------------------------------------


def _crate(release: Release, folder: Path) -> dict[str, Any]:
    """Return the description of a bag's content as RO-Crate has it: JSON-LD, everything by its address."""
    head, manifest = release.head, release.manifest
    paths = ((path, path.relative_to(folder).as_posix()) for path in sorted(folder.rglob("*")) if path.is_file())
    kept = _kept_files(folder / CANONICAL)
    files = [kept[name] if name in kept else _file(path, name) for path, name in paths]
    publisher = _organisation(head["publisher"])
    licence = {"@id": f"https://spdx.org/licenses/{head['licence']}", "@type": "CreativeWork"}
    root = {
        "@id": "./",
        "@type": "Dataset",
        "name": head["title"],
        "description": head.get("description") or head["title"],
        "identifier": release.id,
        "version": str(manifest.number),
        "datePublished": manifest.published_at,
        "inLanguage": head["language"],
        "license": {"@id": licence["@id"]},
        "author": {"@id": publisher["@id"]},
        "publisher": {"@id": publisher["@id"]},
        "creditText": head.get("citation") or head["title"],
        "hasPart": [{"@id": file["@id"]} for file in files],
    }
    descriptor = {
        "@id": CRATE,
        "@type": "CreativeWork",
        "about": {"@id": "./"},
        "conformsTo": {"@id": _CRATE_PROFILE},
    }
    entities = [
        descriptor,
        root,
        publisher,
        licence | {"name": head["licence"], "identifier": head["licence"]},
        *files,
    ]
    return {"@context": _CRATE_CONTEXT, "@graph": entities}


def _kept_files(canonical: Path) -> dict[str, dict[str, Any]]:
    """Return the descriptions of the files of sources, by their paths."""
    described = {}
    with canonical.open("rb") as lines:
        for line in lines:
            if b'"files":' not in line:
                continue
            record = orjson.loads(line)
            for file in record.get("files", ()):
                if "path" in file:
                    described[file["path"]] = {
                        "@id": file["path"],
                        "@type": "File",
                        "name": file["name"],
                        "description": f"A file of {record['id']}: {file['role'].replace('_', ' ')}.",
                        "encodingFormat": file["media_type"],
                    }
    return described


def _organisation(publisher: dict[str, str | None]) -> dict[str, Any]:
    url = publisher.get("url")
    described = {"@id": url or "#publisher", "@type": "Organization", "name": publisher["name"]}
    return described | ({"url": url} if url else {})


def _file(path: Path, name: str) -> dict[str, Any]:
    described = _DESCRIPTIONS.get(name, f"The text of {path.stem}, whose words may be republished.")
    return {
        "@id": name,
        "@type": "File",
        "name": path.name,
        "description": described,
        "contentSize": str(path.stat().st_size),
        "encodingFormat": _MEDIA_TYPES.get(path.suffix, "text/plain"),
    }


# --- Opening ----------------------------------------------------------------------------------------------------------


def is_bag(path: Path) -> bool:
    """Tell whether a path is that of a bag."""
    return (path / BAG_DECLARATION).is_file()


def open_bag(path: Path) -> Path:
    """Return the public archive in a bag, every file of which is as it was packed. Raises BagInvalid."""
    try:
        bagit.Bag(str(path)).validate()
    except (bagit.BagError, OSError, UnicodeDecodeError) as error:
        raise BagInvalid(f"{path} is not a bag as it was packed: {_one_line(str(error))}") from None
    canonical = path / PAYLOAD / CANONICAL
    if not canonical.is_file():
        raise BagInvalid(f"{path} is a bag that holds no {CANONICAL}")
    return canonical
