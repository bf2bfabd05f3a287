"""Digests of container images, by the HTTP API of registries (OCI distribution specification 1.1).

Registries ask for credentials with `WWW-Authenticate`: a token of their token server, which Docker Hub gives
to everybody, or user and password, as ECR does. Users and passwords are those of `docker login`.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from clients.http_client import HttpError, quoted, request

TIMEOUT_SECONDS = 30.0
DOCKER_HUB, DOCKER_HUB_API = "docker.io", "registry-1.docker.io"
DOCKER_HUB_NAMES = ("docker.io", "index.docker.io", DOCKER_HUB_API)
DOCKER_HUB_LOGIN = "https://index.docker.io/v1/"
"""The key of Docker Hub's credentials in docker's config.json."""
MANIFESTS = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
"""Media types: for several platforms, then for one."""
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_TOKEN = re.compile(r"[!-~ ]{1,65536}")
"""What a header can have."""
_PARAMETER = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


class RegistryError(Exception):
    """A registry gives no usable answer: the text says which image, and what came."""

    def __init__(self, text: str, status: int | None = None) -> None:
        """`status`: the HTTP status, if that is what came."""
        super().__init__(text)
        self.status = status


@dataclass(frozen=True, kw_only=True)
class Reference:
    """A tag of an image: `name:tag` as in a stack file, without a digest."""

    name: str
    tag: str

    def __str__(self) -> str:
        return f"{self.name}:{self.tag}"

    @property
    def registry(self) -> str:
        first, slash, _ = self.name.partition("/")
        is_host = slash and (first == "localhost" or "." in first or ":" in first)
        return DOCKER_HUB if not is_host or first in DOCKER_HUB_NAMES else first

    @property
    def repository(self) -> str:
        """The path in the registry. Docker Hub's own images are in `library/`."""
        first, _, rest = self.name.partition("/")
        if self.registry != DOCKER_HUB:
            return rest
        path = rest if first in DOCKER_HUB_NAMES else self.name
        return path if "/" in path else f"library/{path}"

    @property
    def url(self) -> str:
        """Of the repository. A registry of this machine is asked without TLS, as docker does."""
        host = DOCKER_HUB_API if self.registry == DOCKER_HUB else self.registry
        scheme = "http" if host.partition(":")[0] in ("localhost", "127.0.0.1") else "https"
        return f"{scheme}://{host}/v2/{self.repository}"


def parts(image: str) -> tuple[str, str, str]:
    """Name, tag and digest of an image; tag and digest may be empty."""
    name, _, digest = image.partition("@")
    path, _, tag = name.rpartition(":")
    return (name, "", digest) if not path or "/" in tag else (path, tag, digest)


def logins(path: Path | None = None) -> dict[str, str]:
    """User and password in base64 by registry, from docker's config.json."""
    file = path or Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker") / "config.json"
    try:
        auths = json.loads(file.read_text(encoding="utf-8")).get("auths") or {}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, AttributeError) as error:
        raise RegistryError(f"{file}: cannot be read: {error}") from error
    found = {name: str(entry["auth"]) for name, entry in auths.items() if (entry or {}).get("auth")}
    return {DOCKER_HUB if name == DOCKER_HUB_LOGIN else urlsplit(f"//{_host(name)}").netloc: found[name]
            for name in found}  # fmt: skip


def _host(name: str) -> str:
    return name.partition("://")[2] or name


@dataclass(kw_only=True)
class Registries:
    """Resolves tags. `logins` has user and password in base64 by registry."""

    logins: Mapping[str, str] = field(default_factory=dict)

    def digest(self, image: Reference) -> str:
        """The digest of the tag's manifest, computed over the manifest's bytes. Raises RegistryError."""
        try:
            return self._digest(image)
        except HttpError as error:
            raise RegistryError(f"{image}: {error}") from error

    def _digest(self, image: Reference) -> str:
        answer, _, authorization = self._ask(image, "HEAD", image.tag, "")
        name = answer.get("Docker-Content-Digest", "")
        if name and not DIGEST.fullmatch(name):
            raise RegistryError(f"{image}: the registry names the digest {quoted(name)}; must be a sha256")
        _, content, _ = self._ask(image, "GET", name or image.tag, authorization)
        computed = f"sha256:{hashlib.sha256(content).hexdigest()}"
        if name not in ("", computed):
            raise RegistryError(
                f"{image}: the registry names the digest {name}, but the manifest has {computed}"
            )
        return computed

    def _ask(
        self, image: Reference, method: str, name: str, authorization: str
    ) -> tuple[Mapping[str, str], bytes, str]:
        """Headers and content of a manifest, and the authorization with which the registry gave it."""
        url = f"{image.url}/manifests/{name}"
        headers = {"Accept": ", ".join(MANIFESTS)}
        if authorization:
            headers["Authorization"] = authorization
        with request(f"{method} {url}", method, url, TIMEOUT_SECONDS, headers=headers) as answer:
            if answer.status == HTTPStatus.OK:
                content = answer.content() if method == "GET" else b""
                if answer.content_type not in MANIFESTS:
                    raise RegistryError(
                        f"{image}: {url} is {answer.content_type or 'of no type'}, no manifest"
                    )
                return answer.headers, content, authorization
            status, asked = answer.status, answer.headers.get("WWW-Authenticate", "")
        if status == HTTPStatus.UNAUTHORIZED and not authorization:
            return self._ask(image, method, name, self._authorization(image, asked))
        raise RegistryError(f"{image}: {method} {url}: {_why(status, image)}", status)

    def _authorization(self, image: Reference, asked: str) -> str:
        scheme, _, rest = asked.partition(" ")
        login = self.logins.get(image.registry)
        if scheme.lower() == "basic" and login:
            return f"Basic {login}"
        if scheme.lower() != "bearer":
            unauthorized = HTTPStatus.UNAUTHORIZED
            raise RegistryError(f"{image}: {_why(unauthorized, image)}", unauthorized)
        parameters = dict(_PARAMETER.findall(rest))
        realm = parameters.get("realm", "")
        if not realm.startswith("https://") and not image.url.startswith("http://"):
            raise RegistryError(
                f"{image}: the registry's token server is {realm or 'not named'}; must be https"
            )
        query = {"service": parameters.get("service", ""), "scope": f"repository:{image.repository}:pull"}
        url = f"{realm}{'&' if '?' in realm else '?'}{urlencode({k: v for k, v in query.items() if v})}"
        headers = {"Authorization": f"Basic {login}"} if login else {}
        with request(f"GET {realm}", "GET", url, TIMEOUT_SECONDS, headers=headers) as answer:
            status, text = answer.status, answer.text()
        if status != HTTPStatus.OK:
            raise RegistryError(f"{image}: {realm}: {_why(status, image)}", status)
        return f"Bearer {_token(text, image)}"


def _token(text: str, image: Reference) -> str:
    try:
        answer: Any = json.loads(text)
        token = answer.get("token") or answer["access_token"]
        if _TOKEN.fullmatch(token):
            return str(token)
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError):
        pass
    raise RegistryError(f"{image}: the token server's answer has no token")


def _why(status: int, image: Reference) -> str:
    match status:
        case HTTPStatus.NOT_FOUND:
            return "there is no such image or tag"
        case HTTPStatus.UNAUTHORIZED | HTTPStatus.FORBIDDEN:
            return f"status {status}: run docker login {image.registry}, or check the image's name"
        case HTTPStatus.TOO_MANY_REQUESTS:
            return f"status {status}: too many requests; wait, or run docker login {image.registry}"
    return f"status {status}"
