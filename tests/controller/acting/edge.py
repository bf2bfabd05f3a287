"""A pretended edge: HTTPS with a certificate of an authority of its own, in front of a controller's port."""

from __future__ import annotations

import http.server
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from local.machine import pki
from tests.controller.acting.replicas import Replica


@dataclass
class Edge:
    behind: Replica
    authority: Path
    port: int = 0
    connections: int = 0
    requests: list[str] = field(default_factory=list)

    def url(self, region: str) -> str:
        return f"https://localhost:{self.port}/peer/{region}"


@contextmanager
def edge(folder: Path, behind: Replica) -> Iterator[Edge]:
    keys = pki.ensure(folder, ["localhost"])
    found = Edge(behind=behind, authority=keys.authority)

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            super().setup()
            found.connections += 1

        def do_GET(self) -> None:
            found.requests.append(self.path)
            status, body = found.behind.get(self.path, authorization=self.headers.get("Authorization", ""))
            self.send_response(status or 502)
            self.send_header("Content-Length", str(len(body.encode())))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("localhost", 0), Handler)
    server.daemon_threads = True
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(keys.certificate("apiserver"), keys.key("apiserver"))
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    found.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
