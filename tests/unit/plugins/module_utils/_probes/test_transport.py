# Copyright: greenlight.serving contributors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a probe sends, what it takes for an answer, and whom it trusts."""

from __future__ import annotations

import datetime
import ipaddress
import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ansible_collections.greenlight.serving.plugins.module_utils._probes.address import Base
from ansible_collections.greenlight.serving.plugins.module_utils._probes.transport import Reach, Request, send
from ansible_collections.greenlight.serving.plugins.module_utils._probes.wire import CAUSES, NoAnswerError

LOOPBACK = Reach(allow_loopback=True)
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Greenlight-Release: abc\r\n\r\nok"


def test_the_answer(serve: Callable[..., Any]) -> None:
    answer = send(serve(OK).base, Request("/"), LOOPBACK)
    assert (answer.status, answer.body, answer.header("x-greenlight-release")) == (200, b"ok", "abc")
    assert answer.header("x-nothing") == ""
    assert 0 <= answer.seconds < 5


def test_what_is_sent(serve: Callable[..., Any]) -> None:
    server = serve(OK)
    request = Request("/v2/infer?x=1", "POST", (("X-Key", "k"), ("Content-Type", "application/json")), b"{}")
    send(Base("http", "127.0.0.1", server.base.port, "/models"), request, LOOPBACK)
    assert server.requests[0].decode().split("\r\n") == [
        "POST /models/v2/infer?x=1 HTTP/1.1",
        f"Host: 127.0.0.1:{server.base.port}",
        "User-Agent: greenlight-probe",
        "Accept-Encoding: identity",
        "X-Key: k",
        "Content-Type: application/json",
        "Connection: close",
        "Content-Length: 2",
        "",
        "{}",
    ]


def test_a_host_header_of_ones_own(serve: Callable[..., Any]) -> None:
    server = serve(OK)
    send(server.base, Request("/", headers=(("host", "model.example"),)), LOOPBACK)
    assert server.requests[0].lower().count(b"host:") == 1
    assert b"host: model.example\r\n" in server.requests[0]


def test_a_fresh_connection_each_time(serve: Callable[..., Any], connected: list[str]) -> None:
    server = serve(b"HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok")
    for _turn in range(3):
        send(server.base, Request("/"), LOOPBACK)
    assert len(connected) == 3


def test_nothing_from_around_us(
    serve: Callable[..., Any], connected: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login someone password netrc-secret\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://192.0.2.1:3128")
    server = serve(b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n")
    for _turn in range(2):
        send(server.base, Request("/"), LOOPBACK)
    assert set(connected) == {"127.0.0.1"}
    assert not any(word in b"".join(server.requests).lower() for word in (b"cookie", b"authorization", b"proxy"))


@pytest.mark.parametrize(
    ("answer", "status", "body"),
    [
        (b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" + OK, 200, b"ok"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\n\r\n", 200, b"ok"),
        (b"HTTP/1.0 200 OK\r\n\r\nuntil the end", 200, b"until the end"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b""),
        (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", 101, b""),
    ],
)
def test_kinds_of_answers(serve: Callable[..., Any], answer: bytes, status: int, body: bytes) -> None:
    got = send(serve(answer).base, Request("/"), LOOPBACK)
    assert (got.status, got.body) == (status, body)


def test_head_has_no_body(serve: Callable[..., Any]) -> None:
    got = send(serve(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n").base, Request("/", "HEAD"), LOOPBACK)
    assert (got.status, got.body) == (200, b"")


def test_an_early_answer_to_a_large_request_is_heard(serve: Callable[..., Any]) -> None:
    server = serve(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    for _turn in range(5):  # the server hangs up on what it hasn't read; what it said before stays readable
        assert send(server.base, Request("/", "POST", body=b"x" * 2**22), LOOPBACK).status == 413


def test_nobody_listens(serve: Callable[..., Any]) -> None:
    server = serve(OK)
    server.close()
    with pytest.raises(NoAnswerError, match="no connection: Connection refused") as caught:
        send(server.base, Request("/"), LOOPBACK)
    assert caught.value.cause == "unconnected"


def test_the_next_address_when_the_first_takes_no_connection(
    serve: Callable[..., Any], connected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(OK)
    both = [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, server.base.port)) for host in ("127.0.0.9", "127.0.0.1")
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_options: both)
    assert send(Base("http", "model.example", server.base.port, ""), Request("/"), LOOPBACK).status == 200
    assert connected == ["127.0.0.9", "127.0.0.1"]


def test_a_name_that_does_not_resolve() -> None:
    with pytest.raises(NoAnswerError, match=r"model\.invalid does not resolve") as caught:
        send(Base("http", "model.invalid", 80, ""), Request("/"), LOOPBACK)
    assert caught.value.cause == "unresolved"
    assert caught.value.cause in CAUSES


# ---- TLS ---------------------------------------------------------------------------------------------------


def certificate(folder: Path, address: str, days: int = 1) -> Path:
    """A self-signed certificate and its key in one PEM file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = datetime.datetime.now(datetime.timezone.utc)  # noqa: UP017 - these tests run on a bastion, too
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=9))
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / f"{address}.{days}.pem"
    plain = serialization.NoEncryption()
    form = serialization.PrivateFormat.PKCS8
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, form, plain) + built.public_bytes(serialization.Encoding.PEM)
    )
    return path


def tls(pem: Path) -> Callable[[Any], None]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)

    def answer(connection: Any) -> None:
        with context.wrap_socket(connection, server_side=True) as secure:
            secure.recv(65536)
            secure.sendall(OK)

    return answer


def https(serve: Callable[..., Any], pem: Path, ca_file: Path | None) -> int:
    base = Base("https", "127.0.0.1", serve(tls(pem), read_request=False).base.port, "")
    return send(base, Request("/"), Reach(True, str(ca_file) if ca_file else None)).status


def test_a_certificate_of_a_trusted_authority(serve: Callable[..., Any], tmp_path: Path) -> None:
    pem = certificate(tmp_path, "127.0.0.1")
    assert https(serve, pem, pem) == 200


@pytest.mark.parametrize(
    ("address", "days", "own", "reason"),
    [
        ("127.0.0.1", 1, False, "self-signed certificate"),
        ("127.0.0.2", 1, True, "IP address mismatch"),
        ("127.0.0.1", -1, True, "certificate has expired"),
    ],
)
def test_a_certificate_that_is_not_good(
    serve: Callable[..., Any], tmp_path: Path, address: str, days: int, own: bool, reason: str
) -> None:
    pem = certificate(tmp_path, address, days)
    with pytest.raises(NoAnswerError, match=reason) as caught:
        https(serve, pem, pem if own else None)
    assert caught.value.cause == "untrusted"


def test_a_ca_file_that_is_missing(serve: Callable[..., Any], tmp_path: Path) -> None:
    with pytest.raises(NoAnswerError, match="TLS could not be set up: ") as caught:
        https(serve, certificate(tmp_path, "127.0.0.1"), tmp_path / "none.pem")
    assert caught.value.cause == "untrusted"


def test_https_to_a_server_without_tls(serve: Callable[..., Any]) -> None:
    base = serve(OK, read_request=False).base
    with pytest.raises(NoAnswerError, match="the TLS handshake failed") as caught:
        send(Base("https", base.host, base.port, ""), Request("/"), LOOPBACK)
    assert caught.value.cause == "untrusted"


def test_a_handshake_that_never_ends(serve: Callable[..., Any]) -> None:
    base = serve(lambda connection: list(iter(lambda: connection.recv(4096), b"")), read_request=False).base
    with pytest.raises(NoAnswerError) as caught:
        send(Base("https", base.host, base.port, ""), Request("/", timeout=0.3), LOOPBACK)
    assert caught.value.cause == "late"
