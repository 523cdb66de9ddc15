"""Keys for tests, made by ssh-keygen, and what ssh-keygen says of a signature."""

import shutil
import subprocess
from pathlib import Path

from service.depots.signatures import NAMESPACE
from tests.missing import skip_for

#: The name that the keys of these tests stand for.
PRINCIPAL = "archive@example.org"


def require_ssh_keygen() -> None:
    """Skip the test where there is no ssh-keygen, and say so; under CI that is a failure."""
    if shutil.which("ssh-keygen") is None:
        skip_for("ssh-keygen is missing (Debian: openssh-client)")


def make_key(path: Path, *options: str) -> Path:
    """Make a private key at `path`, an Ed25519 one without a passphrase unless `options` say otherwise."""
    require_ssh_keygen()
    chosen = options or ("-t", "ed25519", "-N", "")
    subprocess.run(["ssh-keygen", "-q", "-C", "test", "-f", path, *chosen], check=True, capture_output=True, timeout=60)
    return path


def allow(path: Path, *keys: Path, options: str = "") -> Path:
    """Write an allowed signers file that names the public halves of some keys."""
    lines = [f"{PRINCIPAL} {options} {key.with_suffix('.pub').read_text()}" for key in keys]
    path.write_text("# who may sign\n\n" + "".join(lines))
    return path


def ssh_keygen_verifies(statement: Path, signature: Path, allowed: Path) -> bool:
    """Ask ssh-keygen whether a signature is one of an allowed signer."""
    require_ssh_keygen()
    command: list[str | Path] = [
        "ssh-keygen",
        "-Y",
        "verify",
        "-f",
        allowed,
        "-I",
        PRINCIPAL,
        "-n",
        NAMESPACE,
        "-s",
        signature,
    ]
    with statement.open("rb") as message:
        run = subprocess.run(command, stdin=message, capture_output=True, check=False, timeout=60)
    return run.returncode == 0
