"""A container registry (OCI distribution API) with a token server, as much as a lookup of digests needs."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
USER, PASSWORD = "AWS", "of-an-hour"
PATH = re.compile(r"/v2/(?P<repository>.+)/manifests/(?P<name>[^/]+)")


@dataclass
class Registry:
    """`auth` is none, bearer (a token for everybody), private (a token for USER) or basic."""

    auth: str = "none"
    url: str = ""
    manifests: dict[tuple[str, str], tuple[str, bytes]] = field(default_factory=dict)
    """Media type and content, by repository and by tag or digest."""
    names_digest: bool = True
    lies: str = ""
    """The digest that is named instead of the manifest's."""
    token: bytes = b""
    """What the token server answers instead of a token."""
    requests: list[str] = field(default_factory=list)

    @property
    def host(self) -> str:
        return urlsplit(self.url).netloc

    def push(self, repository: str, tag: str, type_: str = INDEX, content: bytes = b"") -> str:
        content = content or json.dumps({"mediaType": type_, "of": f"{repository}:{tag}"}).encode()
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        for name in (tag, digest):
            self.manifests[repository, name] = type_, content
        return digest


def _basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


class _Handler(BaseHTTPRequestHandler):
    registry: Registry

    def do_HEAD(self) -> None:
        self._answer(with_content=False)

    def do_GET(self) -> None:
        if urlsplit(self.path).path == "/token":
            self._token()
        else:
            self._answer(with_content=True)

    def log_message(self, *_: Any) -> None:
        pass

    def _answer(self, *, with_content: bool) -> None:
        registry = self.registry
        registry.requests.append(f"{self.command} {self.path}")
        match = PATH.fullmatch(self.path)
        assert match
        if challenge := self._challenge(match["repository"]):
            self._send(401, b"{}", {"WWW-Authenticate": challenge})
            return
        type_, content = registry.manifests.get((match["repository"], match["name"]), ("", b""))
        if not type_ or type_ not in self.headers["Accept"]:
            self._send(404, b'{"errors": [{"code": "MANIFEST_UNKNOWN"}]}', {})
            return
        digest = registry.lies or f"sha256:{hashlib.sha256(content).hexdigest()}"
        named = {"Docker-Content-Digest": digest} if registry.names_digest else {}
        self._send(200, content, {"Content-Type": type_, **named}, with_content=with_content)

    def _challenge(self, repository: str) -> str:
        given = self.headers.get("Authorization", "")
        match self.registry.auth:
            case "none":
                return ""
            case "basic":
                return "" if given == _basic(USER, PASSWORD) else 'Basic realm="registry"'
        realm, scope = f"{self.registry.url}/token?version=2", f"repository:{repository}:pull"
        asked = f'Bearer realm="{realm}",service="the registry",scope="{scope}"'
        return "" if given == f"Bearer for {scope}" else asked

    def _token(self) -> None:
        self.registry.requests.append(f"{self.command} {self.path}")
        query = parse_qs(urlsplit(self.path).query)
        allowed = self.registry.auth == "bearer" or self.headers.get("Authorization") == _basic(
            USER, PASSWORD
        )
        right = query.get("service") == ["the registry"] and query.get("version") == ["2"]
        token = self.registry.token or json.dumps({"access_token": f"for {query['scope'][0]}"}).encode()
        self._send(200 if allowed and right else 401, token if allowed else b"{}", {})

    def _send(
        self, status: int, content: bytes, headers: dict[str, str], *, with_content: bool = True
    ) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if with_content and self.command != "HEAD":
            self.wfile.write(content)


@contextmanager
def serving(registry: Registry) -> Iterator[Registry]:
    handler = type("Handler", (_Handler,), {"registry": registry})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        registry.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield registry
        finally:
            server.shutdown()
            thread.join()
