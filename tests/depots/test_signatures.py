"""Signatures, checked by ssh-keygen itself; and those that ssh-keygen makes, checked by us."""

import subprocess
from pathlib import Path

import pytest

from service.depots.signatures import NAMESPACE, check_signature, fingerprint_of, read_allowed_signers, read_signer
from service.errors import SignatureInvalid, SigningKeyUnusable
from tests.depots.keys import allow, make_key, ssh_keygen_verifies

MESSAGE = b'{"number":1}\n'


def signed_by_ssh_keygen(key: Path, message: bytes, *options: str, namespace: str = NAMESPACE) -> str:
    path = key.with_name("message")
    path.write_bytes(message)
    command: list[str | Path] = ["ssh-keygen", "-q", "-Y", "sign", "-n", namespace, "-f", key, *options, path]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    signature = key.with_name("message.sig")
    text = signature.read_text()
    signature.unlink()
    return text


@pytest.mark.parametrize("message", [MESSAGE, b"", b"\x00\xff" * 5000])
def test_ssh_keygen_verifies_what_is_signed(tmp_path: Path, message: bytes) -> None:
    key = make_key(tmp_path / "key")
    statement, signature = tmp_path / "statement.json", tmp_path / "statement.json.sig"
    statement.write_bytes(message)
    signature.write_text(read_signer(key)(message))
    allowed = allow(tmp_path / "allowed", key)
    assert ssh_keygen_verifies(statement, signature, allowed)
    statement.write_bytes(message + b" ")
    assert not ssh_keygen_verifies(statement, signature, allowed)


def test_the_signature_is_the_one_that_ssh_keygen_makes(tmp_path: Path) -> None:
    key = make_key(tmp_path / "key")
    assert read_signer(key)(MESSAGE) == signed_by_ssh_keygen(key, MESSAGE)


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_what_ssh_keygen_signs_is_verified(tmp_path: Path, algorithm: str) -> None:
    key = make_key(tmp_path / "key")
    text = signed_by_ssh_keygen(key, MESSAGE, "-O", f"hashalg={algorithm}")
    found = check_signature(MESSAGE, text)
    printed = subprocess.run(["ssh-keygen", "-l", "-f", key], check=True, capture_output=True, text=True, timeout=60)
    assert found.fingerprint == printed.stdout.split()[1] == read_signer(key).fingerprint


def test_signatures_that_are_none_say_why(tmp_path: Path) -> None:
    key = make_key(tmp_path / "key")
    text = read_signer(key)(MESSAGE)
    lines = text.splitlines()
    cases = {
        "does not fit": (b"other", text),
        "another purpose": (MESSAGE, signed_by_ssh_keygen(key, MESSAGE, namespace="file")),
        "not a signature of OpenSSH": (MESSAGE, "hello"),
        "cut short": (MESSAGE, "\n".join([lines[0], lines[1][:68], lines[-1]])),
        "not Ed25519": (
            MESSAGE,
            signed_by_ssh_keygen(make_key(tmp_path / "rsa", "-t", "rsa", "-N", ""), MESSAGE),
        ),
    }
    for reason, (message, signature) in cases.items():
        with pytest.raises(SignatureInvalid, match=reason):
            check_signature(message, signature)


@pytest.mark.parametrize(
    ("options", "mode", "message"),
    [
        (("-t", "ed25519", "-N", "secret"), 0o600, "protected by a passphrase"),
        (("-t", "rsa", "-N", ""), 0o600, "key of another kind"),
        (("-t", "ecdsa", "-N", ""), 0o600, "key of another kind"),
        ((), 0o644, "can be read by others.*chmod 600"),
        ((), 0o640, "can be read by others.*chmod 600"),
    ],
)
def test_a_key_that_cannot_be_used_is_refused(
    tmp_path: Path, options: tuple[str, ...], mode: int, message: str
) -> None:
    key = make_key(tmp_path / "key", *options)
    key.chmod(mode)
    with pytest.raises(SigningKeyUnusable, match=message):
        read_signer(key)


def test_what_is_no_private_key_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SigningKeyUnusable, match="cannot be read"):
        read_signer(tmp_path / "missing")
    with pytest.raises(SigningKeyUnusable, match="cannot be read"):
        read_signer(tmp_path)
    for content in (b"", b"hello", make_key(tmp_path / "key").with_suffix(".pub").read_bytes()):
        path = tmp_path / "other"
        path.write_bytes(content)
        path.chmod(0o600)
        with pytest.raises(SigningKeyUnusable, match="not a private key of OpenSSH"):
            read_signer(path)


@pytest.mark.parametrize(
    ("options", "count"),
    [
        ("", 1),
        ('namespaces="testimony-archive"', 1),
        ('namespaces="file,testimony-*"', 1),
        ('namespaces="file"', 0),
        ("cert-authority", 0),
    ],
)
def test_allowed_signers_are_read_as_ssh_keygen_does(tmp_path: Path, options: str, count: int) -> None:
    key = make_key(tmp_path / "key")
    allowed = allow(tmp_path / "allowed", key, options=options)
    statement, signature = tmp_path / "statement.json", tmp_path / "statement.json.sig"
    statement.write_bytes(MESSAGE)
    signature.write_text(read_signer(key)(MESSAGE))
    assert ssh_keygen_verifies(statement, signature, allowed) == bool(count)
    if not count:
        with pytest.raises(SigningKeyUnusable, match="names no Ed25519 key"):
            read_allowed_signers(allowed)
        return
    [signer] = read_allowed_signers(allowed)
    assert signer.principals == "archive@example.org"
    assert fingerprint_of(signer.key) == read_signer(key).fingerprint


def test_a_key_is_believed_from_when_until_when_the_file_says(tmp_path: Path) -> None:
    key = make_key(tmp_path / "key")
    options = 'valid-after="20260101Z",valid-before="202602011200Z"'
    [signer] = read_allowed_signers(allow(tmp_path / "allowed", key, options=options))
    moments = ("2025-12-31T23:59:59Z", "2026-01-01T00:00:00Z", "2026-02-01T11:59:59Z", "2026-02-01T12:00:00Z")
    assert [signer.is_valid_at(moment) for moment in moments] == [False, True, True, False]
