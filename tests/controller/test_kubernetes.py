"""The API's client: an API that has trouble, closes connections, or has an authority like those of EKS."""

from __future__ import annotations

import datetime
import http.server
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from runtime.controller.kubernetes import Access, Kubernetes, Refused, Unavailable

LOCAL = "127.0.0.1"


class Api(http.server.ThreadingHTTPServer):
    """Answers what it is told to, one after the other, the last one again and again."""

    daemon_threads = True

    def __init__(self, *answers: tuple[int, dict[str, str], str]) -> None:
        super().__init__((LOCAL, 0), _Handler)
        self.answers, self.connections, self.hangs_up = list(answers), 0, False
        self.asked: list[float] = []


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Api

    def setup(self) -> None:
        super().setup()
        self.server.connections += 1

    def do_GET(self) -> None:
        self.server.asked.append(time.monotonic())
        answers = self.server.answers
        status, headers, body = answers.pop(0) if len(answers) > 1 else answers[0]
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body.encode())
        # Without a word of it: as a server does with a connection that was idle for long.
        self.close_connection = self.server.hangs_up

    def log_message(self, format: str, *arguments: object) -> None:
        pass


@contextmanager
def api(folder: Path, *answers: tuple[int, dict[str, str], str]) -> Iterator[tuple[Kubernetes, Api]]:
    (folder / "token").write_text("secret")
    with Api(*answers) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://{LOCAL}:{server.server_address[1]}"
        access = Access(url=url, token=folder / "token", authority=folder / "none")
        yield Kubernetes(access, threading.Event()), server
        server.shutdown()


OK = (200, {}, '{"kind": "Any"}')


def test_what_may_pass_is_tried_again_and_as_late_as_the_server_asks(tmp_path: Path) -> None:
    busy = (429, {"Retry-After": "1"}, '{"message": "too many requests"}')
    with api(tmp_path, busy, (503, {}, "starting"), OK) as (client, server):
        assert client.call("GET", "/api", retry=60.0) == {"kind": "Any"}
    assert len(server.asked) == 3
    assert server.asked[1] - server.asked[0] >= 1.0
    assert server.connections == 1, "the connection is kept"


def test_without_retries_or_after_them_the_api_is_unavailable(tmp_path: Path) -> None:
    with api(tmp_path, (503, {}, "starting")) as (client, server):
        with pytest.raises(Unavailable, match="503: starting"):
            client.call("GET", "/api")
        assert len(server.asked) == 1
        with pytest.raises(Unavailable):
            client.call("GET", "/api", retry=0.5)
        assert len(server.asked) > 2


def test_a_refusal_is_not_tried_again(tmp_path: Path) -> None:
    refusal = 403, {}, '{"message": "it may not"}'
    with api(tmp_path, refusal) as (client, server), pytest.raises(Refused, match="403: it may not"):
        client.call("GET", "/api", retry=60.0)
    assert len(server.asked) == 1


def test_a_connection_that_the_server_closed_is_opened_again(tmp_path: Path) -> None:
    with api(tmp_path, OK) as (client, server):
        server.hangs_up = True
        client.call("GET", "/api")
        client.call("GET", "/api")
    assert server.connections == 2


def test_an_answer_that_is_none_means_that_the_api_is_away(tmp_path: Path) -> None:
    with api(tmp_path, (200, {}, "<html>")) as (client, _), pytest.raises(Unavailable, match="no JSON"):
        client.call("GET", "/api")


def test_a_token_that_cannot_be_read_means_that_the_api_is_away(tmp_path: Path) -> None:
    with api(tmp_path, OK) as (client, _):
        (tmp_path / "token").unlink()
        with pytest.raises(Unavailable, match="No such file"):
            client.call("GET", "/api")


def bare_authority(folder: Path) -> tuple[Path, Path, Path]:
    """Authority, certificate and key for localhost without key identifiers, as EKS makes them."""
    now, keys = datetime.datetime.now(datetime.UTC), [ec.generate_private_key(ec.SECP256R1()) for _ in "12"]
    names = [x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]) for name in ("kubernetes", "api")]
    for number, name in enumerate(("ca", "api")):
        builder = x509.CertificateBuilder(
            issuer_name=names[0],
            subject_name=names[number],
            public_key=keys[number].public_key(),
            serial_number=x509.random_serial_number(),
            not_valid_before=now - datetime.timedelta(days=1),
            not_valid_after=now + datetime.timedelta(days=1),
        ).add_extension(x509.BasicConstraints(ca=not number, path_length=None), critical=True)
        if number:
            builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), False)
        certificate = builder.sign(keys[0], hashes.SHA256())
        (folder / f"{name}.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    pem, format_ = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    (folder / "api.key").write_bytes(keys[1].private_bytes(pem, format_, serialization.NoEncryption()))
    return folder / "ca.crt", folder / "api.crt", folder / "api.key"


def test_the_authority_of_an_eks_cluster_is_trusted_by_python_3_13_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority, certificate, key = bare_authority(tmp_path)
    default = ssl.create_default_context

    def strict(*arguments: Any, **named: Any) -> ssl.SSLContext:
        context = default(*arguments, **named)
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        return context

    monkeypatch.setattr(ssl, "create_default_context", strict)
    with api(tmp_path, OK) as (_, server):
        served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        served.load_cert_chain(certificate, key)
        server.socket = served.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        url = f"https://localhost:{server.server_address[1]}"
        access = Access(url=url, token=tmp_path / "token", authority=authority)
        assert Kubernetes(access, threading.Event()).call("GET", "/api") == {"kind": "Any"}
        bare_authority(tmp_path)
        with pytest.raises(Unavailable, match="CERTIFICATE_VERIFY_FAILED"):
            Kubernetes(access, threading.Event()).call("GET", "/api")
