"""The build with mirrors, behind a certificate that only a secret brings: a server that is asked, and has nothing."""

import base64
import http.server
import shutil
import ssl
import subprocess
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from deploy.image import build
from tests.deploy.container import Image
from tests.deploy.dockerfile import ROOT

pytestmark = [pytest.mark.image, pytest.mark.timeout(600)]


class Mirror(NamedTuple):
    """A server of HTTPS.

    :param certificates: what a client has to trust, with the machine's own.
    :param asked: the paths that were asked for, and as whom.
    """

    address: str
    certificates: Path
    asked: list[tuple[str, str]]


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[Mirror]:
    key, certificate = made_certificate()
    (tmp_path / "server.pem").write_bytes(key + certificate)
    trusted = tmp_path / "certificates.pem"
    trusted.write_bytes(build.CERTIFICATES.read_bytes() + certificate)
    asked: list[tuple[str, str]] = []

    class Refusing(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            word = self.headers.get("Authorization", "").partition(" ")[2]
            asked.append((self.path, base64.b64decode(word).decode()))
            self.send_error(404 if word or not self.path.startswith("/simple") else 401)

        def log_message(self, *_: Any) -> None:
            pass

        def send_response(self, code: int, message: str | None = None) -> None:
            super().send_response(code, message)
            if code == 401:
                self.send_header("WWW-Authenticate", 'Basic realm="mirror"')

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Refusing)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield Mirror(f"localhost:{server.server_port}", trusted, asked)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def made_certificate() -> tuple[bytes, bytes]:
    """Return a key, and a certificate that it has signed itself, for this machine's loopback."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a mirror")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return secret, certificate.public_bytes(pem)


def failing(stage: str, base: Image, secrets: dict[str, Path], *options: str, context: Path = ROOT) -> str:
    """Build up to a stage, which fails; return what the build says.

    :param context: with another file than the last build had, whose layers are kept, and would be taken.
    """
    arguments = [f"--build-arg={name}={base.name}" for name in ("BASE_IMAGE", "RUST_IMAGE")]
    command = [
        "buildah",
        "build",
        "--format",
        "docker",
        "--timestamp",
        "0",
        *options,
        "--target",
        stage,
    ]  # of one cache
    command += [*arguments, *build.options(secrets)]
    command += ["--file", str(ROOT / "Dockerfile"), str(context)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=build.environment("buildah"))
    said = done.stdout + done.stderr
    assert done.returncode != 0, said
    return said


def test_packages_come_from_the_index_of_a_pip_conf(base: Image, mirror: Mirror, tmp_path: Path) -> None:
    settings = tmp_path / "pip.conf"
    settings.write_text(f"[global]\nindex-url = https://somebody:secret@{mirror.address}/simple\nretries = 0\n")
    said = failing("build", base, {"certificates": mirror.certificates, "pip": settings}, "--no-cache")
    assert any(path.startswith("/simple/") and who == "somebody:secret" for path, who in mirror.asked), said


def test_debians_packages_come_from_the_mirror_of_a_debian_sources(base: Image, mirror: Mirror, tmp_path: Path) -> None:
    sources = tmp_path / "debian.sources"
    sources.write_text(f"Types: deb\nURIs: https://{mirror.address}/debian\nSuites: trixie\nComponents: main\n")
    said = failing("java", base, {"certificates": mirror.certificates, "apt-sources": sources}, "--no-cache")
    assert ("/debian/dists/trixie/InRelease", "") in mirror.asked, said


def test_jars_come_from_the_mirror_of_an_argument(base: Image, mirror: Mirror) -> None:
    secrets = build.lent() | {"certificates": mirror.certificates}
    said = failing("kcl", base, secrets, "--layers", f"--build-arg={build.MAVEN}=https://{mirror.address}/maven/")
    assert any(path.startswith("/maven/") and path.endswith(".jar") for path, _ in mirror.asked), said


def test_crates_come_from_the_registry_of_a_config_toml(base: Image, mirror: Mirror, tmp_path: Path) -> None:
    settings = tmp_path / "config.toml"
    settings.write_text(
        '[source.crates-io]\nreplace-with = "mirror"\n'
        f'[source.mirror]\nregistry = "sparse+https://{mirror.address}/crates/"\n[net]\nretry = 0\n'
    )
    context = tmp_path / "context"
    for name in ("native", "requirements"):
        shutil.copytree(ROOT / name, context / name, ignore=shutil.ignore_patterns("target"))
    (context / "native" / "another").touch()
    secrets = build.lent() | {"certificates": mirror.certificates, "cargo": settings}
    said = failing("native", base, secrets, "--layers", context=context)
    assert ("/crates/config.json", "") in mirror.asked, said
