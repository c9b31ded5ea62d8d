"""The key that signs the ledger: Ed25519 (RFC 8032), in a file outside the repository and outside the registry.

GRAFTLINE_LEDGER_KEY names the file, by default `~/.config/graftline/ledger.pem`. With a private key a host signs and
checks; with a public one it only checks. docs/adr/0013 says what this protects against, and what not.
"""

import os
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from components.errors import RegistryError
from components.storage.publish import sha256_bytes, sync_folder

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

KEY = "GRAFTLINE_LEDGER_KEY"
# Signed with every text, so that a signature of ours means nothing elsewhere.
PURPOSE = b"graftline ledger\0"


@dataclass(frozen=True)
class Signer:
    """`private` is None where the file holds a public key."""

    path: Path
    public: "Ed25519PublicKey"
    private: "Ed25519PrivateKey | None"

    @property
    def name(self) -> str:
        """Of the key: 16 hex digits of the SHA-256 of its public half."""
        return sha256_bytes(self.public.public_bytes_raw())[:16]

    def sign(self, text: str) -> str:
        """Raises RegistryError where only the public half is here."""
        if self.private is None:
            raise RegistryError(
                f"{self.path} holds a public key: this host may check the ledger, not write it.",
                f"Name the private key's file in {KEY}.",
            )
        return self.private.sign(PURPOSE + text.encode()).hex()

    def verifies(self, text: str, signature: str) -> bool:
        from cryptography.exceptions import InvalidSignature

        try:
            self.public.verify(bytes.fromhex(signature), PURPOSE + text.encode())
        except (InvalidSignature, ValueError):
            return False
        return True


def key_path() -> Path:
    named = os.environ.get(KEY)
    config = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
    return Path(named).absolute() if named else Path(config).expanduser() / "graftline" / "ledger.pem"


def load_signer(create: bool) -> Signer:
    """The key of this host; with `create`, made where there is none.

    Raises RegistryError where it is missing, or is no Ed25519 key in PEM.
    """
    path = key_path()
    if create and not path.exists():
        _make(path)
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

    try:
        data = path.read_bytes()
        if b"PUBLIC KEY" in data:
            public = serialization.load_pem_public_key(data)
            if isinstance(public, Ed25519PublicKey):
                return Signer(path, public, None)
        else:
            private = serialization.load_pem_private_key(data, password=None)
            if isinstance(private, Ed25519PrivateKey):
                return Signer(path, private.public_key(), private)
    except FileNotFoundError:
        raise RegistryError(
            f"The ledger is signed, but its key is not here: {path} does not exist.",
            f"Bring the key from the host that promoted first, or name its file in {KEY}.",
        ) from None
    except OSError as error:
        raise RegistryError(f"The ledger's key {path} cannot be read: {error.strerror}.") from None
    except (ValueError, TypeError):
        pass
    raise RegistryError(
        f"{path} holds no Ed25519 key in PEM without a password.", f"See {KEY} in the README."
    )


def _make(path: Path) -> None:
    """A new private key, readable by its owner only; of two that are made at once, the first stays."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    data = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            with suppress(FileExistsError):
                os.link(name, path)
        finally:
            Path(name).unlink(missing_ok=True)
        sync_folder(path.parent)
    except OSError as error:
        raise RegistryError(
            f"The ledger's key cannot be kept at {path}: {error.strerror}.", f"Name another place in {KEY}."
        ) from None
