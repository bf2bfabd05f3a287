"""Digests of images from a registry that speaks HTTP."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from clients.registry import Reference, Registries, RegistryError, logins
from tests.clients.registry_server import INDEX, MANIFEST, PASSWORD, USER, Registry, serving

LOGIN = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()


@pytest.fixture
def registry() -> Iterator[Registry]:
    with serving(Registry()) as found:
        yield found


def image(registry: Registry, repository: str = "team/agency", tag: str = "1.4.2") -> Reference:
    return Reference(name=f"{registry.host}/{repository}", tag=tag)


@pytest.mark.parametrize("type_", [INDEX, MANIFEST])
@pytest.mark.parametrize("auth", ["none", "bearer", "private", "basic"])
def test_the_digest_of_a_tag_is_that_of_its_manifest(registry: Registry, auth: str, type_: str) -> None:
    digest = registry.push("team/agency", "1.4.2", type_)
    registry.auth = auth

    assert Registries(logins={registry.host: LOGIN}).digest(image(registry)) == digest


def test_the_digest_is_computed_where_the_registry_names_none(registry: Registry) -> None:
    digest = registry.push("team/agency", "1.4.2")
    registry.names_digest = False

    assert Registries().digest(image(registry)) == digest


def test_a_manifest_is_read_once_and_by_its_digest(registry: Registry) -> None:
    digest = registry.push("team/agency", "1.4.2")
    Registries().digest(image(registry))

    path = "/v2/team/agency/manifests"
    assert registry.requests == [f"HEAD {path}/1.4.2", f"GET {path}/{digest}"]


def test_a_digest_that_is_not_that_of_the_manifest_is_rejected(registry: Registry) -> None:
    registry.push("team/agency", "1.4.2")
    registry.lies = registry.push("team/agency", "other")
    registry.manifests["team/agency", registry.lies] = registry.manifests["team/agency", "1.4.2"]

    with pytest.raises(RegistryError, match=r"names the digest sha256:.* but the manifest has sha256:"):
        Registries().digest(image(registry))


@pytest.mark.parametrize("lie", ["sha256:12", "md5:abc", "latest"])
def test_a_digest_of_another_form_is_rejected(registry: Registry, lie: str) -> None:
    registry.push("team/agency", "1.4.2")
    registry.lies = lie

    with pytest.raises(RegistryError, match="must be a sha256"):
        Registries().digest(image(registry))


def test_what_is_no_manifest_is_rejected(registry: Registry) -> None:
    registry.push("team/agency", "1.4.2")
    registry.manifests["team/agency", "1.4.2"] = INDEX[:-5], b"<html>"

    with pytest.raises(RegistryError, match="no manifest"):
        Registries().digest(image(registry))


def test_an_unknown_tag_is_named(registry: Registry) -> None:
    registry.push("team/agency", "1.4.2")
    with pytest.raises(RegistryError, match=r"team/agency:1\.5.*there is no such image or tag") as raised:
        Registries().digest(image(registry, tag="1.5"))
    assert raised.value.status == 404


@pytest.mark.parametrize("auth", ["private", "basic"])
@pytest.mark.parametrize("login", [None, "d3Jvbmc6b25l"])
def test_without_the_right_login_the_text_says_where_to_log_in(
    registry: Registry, auth: str, login: str | None
) -> None:
    registry.push("team/agency", "1.4.2")
    registry.auth = auth

    with pytest.raises(RegistryError, match=f"docker login {registry.host}") as raised:
        Registries(logins={registry.host: login} if login else {}).digest(image(registry))
    assert raised.value.status == 401


def test_the_login_of_one_registry_goes_to_no_other(registry: Registry) -> None:
    registry.push("team/agency", "1.4.2")
    registry.auth = "private"

    with pytest.raises(RegistryError, match="docker login"):
        Registries(logins={"other.example.com": LOGIN}).digest(image(registry))


@pytest.mark.parametrize(
    "token",
    [
        b"[]",
        b"5",
        b"[" * 100_000,
        b'{"token": ["a"]}',
        b'{"token": "a\\r\\nHost: b"}',
        b'{"token": "\xc3\xbc"}',
    ],
)
def test_an_answer_without_a_token_is_named(registry: Registry, token: bytes) -> None:
    registry.push("team/agency", "1.4.2")
    registry.auth, registry.token = "bearer", token

    with pytest.raises(RegistryError, match="has no token"):
        Registries().digest(image(registry))


def test_a_registry_that_does_not_answer_is_named() -> None:
    with pytest.raises(RegistryError, match="nothing listens there"):
        Registries().digest(Reference(name="127.0.0.1:9/team/agency", tag="1"))


@pytest.mark.parametrize(
    ("name", "registry", "url"),
    [
        ("python", "docker.io", "https://registry-1.docker.io/v2/library/python"),
        ("rclone/rclone", "docker.io", "https://registry-1.docker.io/v2/rclone/rclone"),
        ("docker.io/python", "docker.io", "https://registry-1.docker.io/v2/library/python"),
        ("index.docker.io/rclone/rclone", "docker.io", "https://registry-1.docker.io/v2/rclone/rclone"),
        ("public.ecr.aws/a/b/c", "public.ecr.aws", "https://public.ecr.aws/v2/a/b/c"),
        (
            "registry.example.com:5000/a",
            "registry.example.com:5000",
            "https://registry.example.com:5000/v2/a",
        ),
        ("localhost:5000/a", "localhost:5000", "http://localhost:5000/v2/a"),
    ],
)
def test_where_an_image_is(name: str, registry: str, url: str) -> None:
    found = Reference(name=name, tag="1")
    assert (found.registry, found.url) == (registry, url)


def test_logins_are_those_of_docker_login(tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    auths = {
        "https://index.docker.io/v1/": {"auth": "aHVi"},
        "123456789012.dkr.ecr.us-east-1.amazonaws.com": {"auth": LOGIN},
        "https://registry.example.com": {"auth": "b3Ro"},
        "by-a-helper.example.com": {},
    }
    file.write_text(json.dumps({"auths": auths, "credsStore": "desktop"}))

    assert logins(file) == {
        "docker.io": "aHVi",
        "123456789012.dkr.ecr.us-east-1.amazonaws.com": LOGIN,
        "registry.example.com": "b3Ro",
    }
    assert logins(tmp_path / "absent.json") == {}


def test_a_broken_file_of_logins_is_named(tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    file.write_text("{")
    with pytest.raises(RegistryError, match=r"config\.json: cannot be read"):
        logins(file)
