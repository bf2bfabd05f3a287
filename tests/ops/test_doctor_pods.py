"""`doctor` on what pods name: classes and Secrets, found, missing, not to be looked at, not made yet."""

from __future__ import annotations

from typing import Any

import pytest

from clients.kubernetes_api import ApiError
from ops.doctor.findings import Finding
from ops.doctor.pods import pods
from plan.names import SYSTEM_NAMESPACE
from tests.components.stacks import EU, US, eks
from tests.ops.test_doctor_nodes import Api, look

TWO = [eks(US), eks(EU)]


class Secrets(Api):
    """An API server with these Secrets (`<namespace>/<name>`); others are answered with the status."""

    def __init__(self, *secrets: str, status: int = 404, **objects: Any) -> None:
        super().__init__(**objects)
        self._secrets, self._status = secrets, status

    def get(self, manifest: dict[str, Any]) -> dict[str, Any] | None:
        metadata = manifest["metadata"]
        if f"{metadata['namespace']}/{metadata['name']}" in self._secrets:
            return manifest
        if self._status != 404:
            raise ApiError(self._status, "forbidden")
        return None


def named(*names: str) -> list[dict[str, Any]]:
    return [{"metadata": {"name": name}} for name in names]


def secret(api: Secrets, namespace: str = "acme", **settings: Any) -> Finding:
    own = {"regions": TWO, "companies": ["acme"], "pods": {"imagePullSecrets": ["mirror"]}, **settings}
    return look(pods, own, api=api)[f"Secret mirror in {namespace}"]


@pytest.mark.parametrize(
    ("kind", "key"), [("PriorityClass", "priorityClassName"), ("RuntimeClass", "runtimeClassName")]
)
def test_a_class_that_pods_name_is_found_or_missing(kind: str, key: str) -> None:
    settings = {"regions": [eks(US)], "pods": {key: "own"}}
    assert look(pods, settings, **{kind: named("own")})[f"{kind} own"].ok
    none = look(pods, settings, **{kind: named("other")})[f"{kind} own"]
    assert not none.ok and "there are: other" in none.detail and f"pods.{key}" in none.remedy


@pytest.mark.parametrize(
    ("secrets", "status", "ok", "told", "remedy"),
    [
        (("acme/mirror",), 404, True, "the namespace has it", ""),
        ((), 404, False, "there is none", "create it there"),
        ((), 403, False, "not known: forbidden", "get Secrets"),
    ],
)
def test_a_secret_for_images_is_looked_for_in_each_namespace(
    secrets: tuple[str, ...], status: int, ok: bool, told: str, remedy: str
) -> None:
    found = secret(Secrets(*secrets, status=status, Namespace=named("acme", SYSTEM_NAMESPACE)))
    assert (found.ok, told in found.detail, remedy in found.remedy) == (ok, True, True)


def test_a_secret_whose_namespace_does_not_exist_can_be_made_before_or_while_the_stack_is_deployed() -> None:
    company, system = secret(Secrets()), secret(Secrets(), SYSTEM_NAMESPACE)
    assert not company.ok and "agency.global/company=acme" in company.remedy
    assert system.ok and "as soon as `pulumi up`" in system.detail


def test_a_company_s_own_secret_is_looked_for_where_the_company_is() -> None:
    companies = [
        {"name": "acme", "apiKeys": {"secretName": "keys"}},
        {"name": "far", "regions": [EU], "apiKeys": {"secretName": "keys"}},
    ]
    settings = {"regions": TWO, "companies": companies}
    found = look(pods, settings, api=Secrets("acme/keys", Namespace=named("acme", "far")))
    assert {what: one.ok for what, one in found.items()} == {"Secret keys in acme": True}


def test_a_stack_that_names_none_asks_nothing() -> None:
    assert look(pods, {"regions": TWO}, api=Secrets()) == {}
