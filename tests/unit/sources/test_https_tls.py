"""The connection goes to the address that was checked, and the certificate is checked against the name."""

import datetime
import ssl
import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from scripted_server import CONTENT, DIGEST, Handler, Script

from components.errors import SourceError
from components.sources.addresses import Allowed
from components.sources.https import Fetcher, Patience


def certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """A self-signed certificate for `name` and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "certificate.pem", folder / "key.pem"
    paths[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return paths


@pytest.fixture
def tls_port(script: Script, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    paths = certificate(tmp_path, "localhost")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*paths)
    monkeypatch.setenv("SSL_CERT_FILE", str(paths[0]))
    handler = type("Scripted", (Handler,), {"script": script})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        running.socket = context.wrap_socket(running.socket, server_side=True)
        running.handle_error = lambda *_: None  # type: ignore[method-assign]
        thread = threading.Thread(target=running.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield running.server_port
        running.shutdown()
        thread.join()


def test_a_named_private_host_is_reached_by_its_address_under_its_name(
    tls_port: int, script: Script, tmp_path: Path, fetcher: Fetcher
) -> None:
    allowed = Fetcher(tmp_path, Allowed(private_hosts=frozenset({"localhost"})), Patience(attempts=1))
    assert allowed.fetch(f"https://localhost:{tls_port}/x", DIGEST).read_bytes() == CONTENT
    assert script.hosts == [f"localhost:{tls_port}"]


def test_a_certificate_for_another_name_is_refused(tls_port: int, tmp_path: Path, fetcher: Fetcher) -> None:
    allowed = Fetcher(tmp_path, Allowed(private_hosts=frozenset({"127.0.0.1"})), Patience(attempts=1))
    with pytest.raises(SourceError, match=r"(?i)certificate"):
        allowed.fetch(f"https://127.0.0.1:{tls_port}/x", DIGEST)
