"""What was withdrawn stays withdrawn, whatever release is gone back to or removed."""

from collections.abc import Callable
from pathlib import Path

import pytest

from service.archive.checks import ArchiveInvalid
from service.release.data_folder import erase, roll_back
from tests.archives import archive, record
from tests.conftest import PublishTo

GONE = [{"id": "tes-1", "on": "2026-01-02"}]


def nothing_more(_: Path) -> None:
    """Keep every release."""


@pytest.mark.parametrize("then", [nothing_more, erase])
def test_an_identifier_stays_withdrawn_after_going_back(
    tmp_path: Path, publish_to: PublishTo, then: Callable[[Path], object]
) -> None:
    data = tmp_path / "data"
    publish_to(data, archive(record("tes-1")))
    publish_to(data, archive(withdrawn=GONE))
    roll_back(data)
    then(data)
    with pytest.raises(ArchiveInvalid) as refused:
        publish_to(data, archive(record("tes-1"), record("tes-2")))
    assert [finding.code for finding in refused.value.report.findings] == ["id_withdrawn"]
    published = publish_to(data, archive(record("tes-2"), withdrawn=GONE))
    assert published.manifest.counts["withdrawn"] == 1


def test_nothing_is_kept_beside_the_releases_that_they_list_themselves(tmp_path: Path, publish_to: PublishTo) -> None:
    data = tmp_path / "data"
    publish_to(data, archive(record("tes-1")))
    publish_to(data, archive(withdrawn=GONE))
    erase(data)
    assert not (data / "withdrawn.json").exists()
