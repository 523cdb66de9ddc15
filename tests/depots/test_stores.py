"""Depots in object storage: S3 servers on this machine, one that looks at conditions and one that does not, and bad networks."""

import secrets
from pathlib import Path

import pytest

from service.depots import stores
from service.depots.replicas import Replica
from service.depots.stores import Abilities, Store
from service.errors import DepotConflict, DepotError, DepotUnreachable
from tests.depots.conftest import BUCKET, SECRET
from tests.depots.faults import Fault, standing_between
from tests.depots.publishing import current_in, edition, files_of, publish_into, replica_of, served_from
from tests.http.test_moving_over import wait_until

Credentials = pytest.MonkeyPatch


@pytest.fixture
def bucket() -> str:
    """The address of a depot that no other test uses."""
    return f"s3://{BUCKET}/{secrets.token_hex(4)}/releases"


@pytest.fixture(params=["conditional", "unconditional"])
def server(request: pytest.FixtureRequest, credentials: Credentials) -> str:
    address: str = request.getfixturevalue(request.param)
    credentials.setenv("AWS_ENDPOINT_URL", address)
    return str(request.param)


def test_a_release_travels_through_object_storage(server: str, bucket: str, tmp_path: Path) -> None:
    first = publish_into(bucket, tmp_path / "data", edition(1))
    replica = replica_of(bucket, tmp_path / "replica")
    replica.look()
    assert files_of(tmp_path / "replica" / "releases" / first.folder.name) == files_of(first.folder)
    second = publish_into(bucket, tmp_path / "other", edition(2))
    taken = replica.look()
    assert taken is not None
    assert files_of(taken.folder) == files_of(second.folder)
    assert 0 < taken.fetched < len(second.manifest.files)


def test_whether_a_store_looks_at_conditions_is_found_out_and_said(
    server: str, bucket: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    honours = server == "conditional"
    assert Store(bucket).probe() == Abilities(honours_conditions=honours, keeps_versions=False)
    assert not Store(bucket).keys("probes")
    publish_into(bucket, tmp_path / "data", edition(1))
    assert ("let only one publisher" in capsys.readouterr().err) is not honours


def test_of_two_writes_one_succeeds(server: str, bucket: str) -> None:
    store = Store(bucket)
    store.replace("current", b"1", None)
    with pytest.raises(DepotConflict):
        store.replace("current", b"2", None)
    before = store.find("current")
    store.replace("current", b"2", before)
    with pytest.raises(DepotConflict):
        store.replace("current", b"3", before)
    assert (found := store.find("current")) is not None
    assert found.data == b"2"


def test_the_condition_decides_also_at_the_same_moment(
    conditional: str, credentials: Credentials, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    credentials.setenv("AWS_ENDPOINT_URL", conditional)
    store = Store(bucket)
    store.replace("current", b"1", None)
    before = store.find("current")
    store.replace("current", b"2", before)
    # What the second publisher saw when it looked was from before.
    monkeypatch.setattr(Store, "_is_another", lambda *_: False)
    with pytest.raises(DepotConflict):
        store.replace("current", b"3", before)
    with pytest.raises(DepotConflict):
        store.replace("current", b"3", None)


def reaches(replica: Replica) -> bool:
    """Look once. Returns whether the depot could be reached."""
    try:
        replica.look()
    except DepotUnreachable:
        return False
    return True


FAULTS = [fault for fault in Fault if fault is not Fault.NONE]


@pytest.mark.parametrize("fault", FAULTS, ids=[fault.name for fault in FAULTS])
def test_a_bad_network_harms_nobody(
    fault: Fault,
    unconditional: str,
    credentials: Credentials,
    bucket: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stores, "RETRIES", 1)
    monkeypatch.setattr(stores, "REQUEST_S", 1)
    monkeypatch.setattr(stores, "RETRY_S", 2)
    with standing_between(unconditional) as between:
        credentials.setenv("AWS_ENDPOINT_URL", between.address)
        publish_into(bucket, tmp_path / "data", edition(1))
        replica_of(bucket, tmp_path / "replica").look()
        publish_into(bucket, tmp_path / "data", edition(2))
        between.fault = fault
        replica = replica_of(bucket, tmp_path / "replica")
        if fault is Fault.SLOW:
            replica.look()
        else:
            with pytest.raises(DepotError) as error:
                replica.look()
            assert "\n" not in str(error.value)
            assert SECRET not in str(error.value)
            assert served_from(tmp_path / "replica").startswith("1-")
        if fault in (Fault.FAILING, Fault.SILENT):
            with pytest.raises(DepotUnreachable):
                publish_into(bucket, tmp_path / "data", edition(3))
        between.fault = Fault.NONE
        # The next look may still be given a connection that was cut: the one after it is not.
        assert wait_until(lambda: reaches(replica))
        assert served_from(tmp_path / "replica") == current_in(bucket)
        assert current_in(bucket).startswith("2-")


@pytest.mark.parametrize(
    ("variable", "value", "reason"),
    [
        ("AWS_SECRET_ACCESS_KEY", "another-secret", "it denies access"),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:1", "refused"),
        ("AWS_ENDPOINT_URL", "http://nowhere.invalid", "cannot be used"),
    ],
)
def test_what_is_wrong_is_said_in_one_line_without_secrets(
    variable: str,
    value: str,
    reason: str,
    unconditional: str,
    credentials: Credentials,
    bucket: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stores, "RETRIES", 0)
    credentials.setenv("AWS_ENDPOINT_URL", unconditional)
    credentials.setenv(variable, value)
    with pytest.raises(DepotUnreachable, match=reason) as error:
        Store(bucket).find("current")
    assert "\n" not in str(error.value)
    assert "secret" not in str(error.value)


def test_a_bucket_that_is_not_there_is_told(server: str) -> None:
    with pytest.raises(DepotUnreachable, match="no such bucket"):
        Store("s3://another-bucket/x").find("current")


def test_an_address_is_shown_without_what_gives_access() -> None:
    assert stores.shown("s3://user:secret@bucket/x/?token=secret") == "s3://bucket/x"
