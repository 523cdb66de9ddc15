"""Signatures of statements: Ed25519 keys of OpenSSH, in the form that `ssh-keygen -Y verify` checks (SSHSIG).

The form is written down in OpenSSH's PROTOCOL.sshsig. The cryptography library reads keys, signs and checks; only the
framing around it is ours.
"""

import base64
import binascii
import hashlib
import os
import re
import stat
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_ssh_private_key

from service.errors import SignatureInvalid, SigningKeyUnusable

#: What the signatures are for: one made for another purpose with the same key is not taken for one of these.
NAMESPACE = "testimony-archive"
_MAGIC = b"SSHSIG"
_VERSION = 1
_ALGORITHM = b"ssh-ed25519"
_HASH = "sha512"
_HASHES = frozenset({"sha256", "sha512"})
_BEGIN, _END = "-----BEGIN SSH SIGNATURE-----", "-----END SSH SIGNATURE-----"
#: Characters of a line between them, as ssh-keygen writes it.
_WIDTH = 70
#: Longest key or signature file that is read, in bytes: real ones have a few hundred.
_LONGEST = 1 << 16
_EVERYBODY = stat.S_IRWXO
_GROUP = stat.S_IRWXG


# --- Signing ----------------------------------------------------------------------------------------------------------


class Signer:
    """Signs with a private key. Called with the bytes to sign, it returns the signature as the text of a file.

    Ed25519 draws nothing at random: the same key and bytes give the same signature.
    """

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        self._public = _public_blob(key.public_key())
        self.fingerprint = fingerprint_of(self._public)

    def __call__(self, message: bytes) -> str:
        signature = self._key.sign(_signed_blob(message, NAMESPACE, _HASH))
        blob = _MAGIC + struct.pack(">I", _VERSION)
        blob += _strings(self._public, NAMESPACE.encode(), b"", _HASH.encode())
        blob += _strings(_strings(_ALGORITHM, signature))
        text = base64.b64encode(blob).decode()
        lines = [text[start : start + _WIDTH] for start in range(0, len(text), _WIDTH)]
        return "\n".join([_BEGIN, *lines, _END, ""])


def read_signer(path: Path) -> Signer:
    """Return what signs with the private key in a file. Raises SigningKeyUnusable, which says what to do.

    As ssh does, a key is refused that others may read.
    """
    data = _private_bytes(path)
    try:
        key = load_ssh_private_key(data, password=None)
    except TypeError:
        raise SigningKeyUnusable(
            f"{path} is protected by a passphrase, which cannot be asked for here; use a key made for this archive "
            "alone, without a passphrase, on a disk that is encrypted (ssh-keygen -t ed25519 -N '' -f FILE)"
        ) from None
    except (ValueError, UnsupportedAlgorithm):
        raise SigningKeyUnusable(
            f"{path} is not a private key of OpenSSH; make one: ssh-keygen -t ed25519 -f FILE"
        ) from None
    if not isinstance(key, Ed25519PrivateKey):
        raise SigningKeyUnusable(
            f"{path} holds a key of another kind; statements are signed with Ed25519: ssh-keygen -t ed25519 -f FILE"
        )
    return Signer(key)


def _private_bytes(path: Path) -> bytes:
    """Return the content of a file that nobody else may read. Raises SigningKeyUnusable."""
    try:
        with path.open("rb") as file:
            state = os.fstat(file.fileno())
            own = state.st_uid == os.getuid()
            if state.st_mode & _EVERYBODY or (own and state.st_mode & _GROUP):
                raise SigningKeyUnusable(f"{path} can be read by others; a private key must not be: chmod 600 {path}")
            return file.read(_LONGEST)
    except OSError as error:
        raise SigningKeyUnusable(f"{path} cannot be read ({error.strerror}); give the file of a private key") from None


# --- Checking ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Signature:
    """A signature that is good for the bytes it was checked against. `key` is the public key as OpenSSH encodes it."""

    key: bytes

    @property
    def fingerprint(self) -> str:
        """The key's fingerprint, as ssh-keygen prints it."""
        return fingerprint_of(self.key)


def check_signature(message: bytes, text: str) -> Signature:
    """Return whose signature of `message` a text is. Raises SignatureInvalid, which says why it is none."""
    blob = _unarmoured(text)
    if not blob.startswith(_MAGIC) or blob[6:10] != struct.pack(">I", _VERSION):
        raise SignatureInvalid("it is not a signature of OpenSSH, version 1")
    public, namespace, _, algorithm, signature = _split(blob[10:], 5)
    if namespace != NAMESPACE.encode():
        raise SignatureInvalid(f"it was made for another purpose than {NAMESPACE}")
    if algorithm.decode("latin-1") not in _HASHES:
        raise SignatureInvalid("it uses a hash that is not known")
    if not (public.startswith(_strings(_ALGORITHM)) and signature.startswith(_strings(_ALGORITHM))):
        raise SignatureInvalid("it was made with a key that is not Ed25519")
    _, raw = _split(public, 2)
    _, bare = _split(signature, 2)
    try:
        signed = _signed_blob(message, NAMESPACE, algorithm.decode())
        Ed25519PublicKey.from_public_bytes(raw).verify(bare, signed)
    except (InvalidSignature, ValueError):
        raise SignatureInvalid("it does not fit what was signed") from None
    return Signature(public)


def fingerprint_of(public: bytes) -> str:
    """Return the fingerprint of a public key, as ssh-keygen prints it."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(public).digest()).decode().rstrip("=")


def _unarmoured(text: str) -> bytes:
    lines = text.strip().splitlines()
    if len(text) > _LONGEST or len(lines) < 3 or lines[0] != _BEGIN or lines[-1] != _END:
        raise SignatureInvalid("it is not a signature of OpenSSH")
    try:
        return base64.b64decode("".join(lines[1:-1]), validate=True)
    except (binascii.Error, ValueError):
        raise SignatureInvalid("it is not a signature of OpenSSH") from None


def _signed_blob(message: bytes, namespace: str, algorithm: str) -> bytes:
    """Return what the key signs: not the message itself but its hash, with what the signature is for."""
    digest = hashlib.new(algorithm, message).digest()
    return _MAGIC + _strings(namespace.encode(), b"", algorithm.encode(), digest)


def _public_blob(key: Ed25519PublicKey) -> bytes:
    return _strings(_ALGORITHM, key.public_bytes(Encoding.Raw, PublicFormat.Raw))


def _strings(*parts: bytes) -> bytes:
    """Return parts as SSH's wire form has them: each after its length (RFC 4251, section 5)."""
    return b"".join(struct.pack(">I", len(part)) + part for part in parts)


def _split(blob: bytes, count: int) -> list[bytes]:
    """Return the parts that `_strings` joined. Raises SignatureInvalid where there are not exactly so many."""
    parts = []
    for _ in range(count):
        if len(blob) < 4:
            raise SignatureInvalid("it is cut short")
        (length,) = struct.unpack(">I", blob[:4])
        if len(blob) < 4 + length:
            raise SignatureInvalid("it is cut short")
        parts.append(blob[4 : 4 + length])
        blob = blob[4 + length :]
    if blob:
        raise SignatureInvalid("something stands after its end")
    return parts


# --- Whose keys are right ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AllowedSigner:
    """A line of an allowed signers file: for whom a key stands, and from when until when it is believed (UTC)."""

    principals: str
    key: bytes
    valid_after: str | None
    valid_before: str | None

    def is_valid_at(self, moment: str) -> bool:
        """Tell whether the key is believed at a moment, given as in statements (RFC 3339, UTC)."""
        return (self.valid_after is None or self.valid_after <= moment) and (
            self.valid_before is None or moment < self.valid_before
        )


# As ssh-keygen(1) describes the file: principals, options, the kind of the key, the key, a comment.
_LINE = re.compile(
    r'(?P<who>"[^"]+"|\S+)\s+(?:(?P<options>(?:[^\s"]|"[^"]*")+)\s+)?ssh-ed25519\s+(?P<key>[A-Za-z0-9+/=]+)'
)
_OPTION = re.compile(r'([a-z-]+)(?:="([^"]*)")?(?:,|$)')


def read_allowed_signers(path: Path) -> list[AllowedSigner]:
    """Return the Ed25519 keys of an allowed signers file that may sign statements. Raises SigningKeyUnusable."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise SigningKeyUnusable(f"{path} cannot be read as a file of allowed signers") from None
    signers = list(_allowed(text))
    if not signers:
        raise SigningKeyUnusable(f"{path} names no Ed25519 key that may sign for {NAMESPACE}")
    return signers


def _allowed(text: str) -> Iterator[AllowedSigner]:
    for line in text.splitlines():
        match = _LINE.match(line.strip())
        if match is None or line.lstrip().startswith("#"):
            continue
        options = dict(_OPTION.findall(match["options"] or ""))
        spaces = options.get("namespaces")
        if "cert-authority" in options or (spaces is not None and not _names_ours(spaces)):
            continue
        try:
            key = base64.b64decode(match["key"], validate=True)
        except (binascii.Error, ValueError):
            continue
        yield AllowedSigner(
            match["who"].strip('"'), key, _moment(options.get("valid-after")), _moment(options.get("valid-before"))
        )


def _names_ours(patterns: str) -> bool:
    return any(fnmatchcase(NAMESPACE, pattern) for pattern in patterns.split(","))


def _moment(option: str | None) -> str | None:
    """Return YYYYMMDD[HHMM[SS]][Z] as statements write a moment. Without a Z it is taken as UTC too."""
    if option is None:
        return None
    digits = option.removesuffix("Z").ljust(14, "0")
    return f"{digits[:4]}-{digits[4:6]}-{digits[6:8]}T{digits[8:10]}:{digits[10:12]}:{digits[12:14]}Z"
