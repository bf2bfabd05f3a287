"""Where a request leads."""

from __future__ import annotations

import pytest

from local.edge.objects import Backend
from local.edge.table import Table
from tests.local.edge.objects import Object, endpoint_slice, ingress, service


def table(*found: Object) -> Table:
    made = Table()
    made.ingresses.replace(one for one in found if one["kind"] == "Ingress")
    made.services.replace(one for one in found if one["kind"] == "Service")
    made.slices.replace(one for one in found if one["kind"] == "EndpointSlice")
    return made


def found(made: Table, host: str, target: str) -> str | None:
    backend = made.find(host, target)
    return backend.service if backend else None


PATHS = ingress(
    "paths",
    ("/", "Prefix", "root"),
    ("/a", "Prefix", "a"),
    ("/a/b/", "Prefix", "ab"),
    ("/a/c", "Exact", "exact"),
    ("/a/c", "Prefix", "ac"),
    ("/own", "ImplementationSpecific", "own"),
)


@pytest.mark.parametrize(
    ("target", "service_name"),
    [
        ("/", "root"),
        ("/ab", "root"),
        ("/a", "a"),
        ("/a?b=/a/b", "a"),
        ("/a/", "a"),
        ("/a/bc", "a"),
        ("/a/b", "a"),
        ("/a/b/", "ab"),
        ("/a/b/c", "ab"),
        ("/a/c", "exact"),
        ("/a/c/", "ac"),
        ("/own/x", "own"),
    ],
)
def test_the_longest_path_counts_and_whole_parts_of_it(target: str, service_name: str) -> None:
    assert found(table(PATHS), "acme.test", target) == service_name


HOSTS = (
    ingress("any", ("/healthz/us-east-1", "Prefix", "controller"), ("/", "Exact", "any"), host=None),
    ingress("below", ("/", "Prefix", "below"), host="*.acme.test"),
    ingress("one", ("/a", "Prefix", "one"), host="one.acme.test"),
)


@pytest.mark.parametrize(
    ("host", "target", "service_name"),
    [
        ("one.acme.test", "/a", "one"),
        ("ONE.acme.test.:8080", "/a", "one"),
        ("one.acme.test", "/b", "below"),
        ("other.acme.test", "/healthz/us-east-1", "below"),
        ("a.b.acme.test", "/a", None),
        ("a.b.acme.test", "/healthz/us-east-1/acme", "controller"),
        ("10.88.0.11:8080", "/healthz/us-east-1", "controller"),
        ("[fd00::2]:8080", "/", "any"),
        ("[fd00::2]", "/", "any"),
        ("", "/", "any"),
        ("10.88.0.11", "/healthz", None),
    ],
)
def test_a_host_s_own_rule_goes_before_one_of_many_hosts_and_of_any(
    host: str, target: str, service_name: str | None
) -> None:
    assert found(table(*HOSTS), host, target) == service_name


def test_of_two_that_ask_for_the_same_the_older_has_it() -> None:
    young = ingress("a", ("/", "Prefix", "young"), born="2026-02-01T00:00:00Z")
    old = ingress("b", ("/", "Prefix", "old"), born="2026-01-01T00:00:00Z")
    for order in ((young, old), (old, young)):
        assert found(table(*order), "acme.test", "/") == "old"


def test_another_controller_s_ingress_is_none_of_ours_also_when_it_was() -> None:
    made = table(ingress("agent"))
    made.ingresses.put(ingress("agent", class_name="alb"))
    assert made.find("acme.test", "/") is None


def test_a_port_is_found_by_the_service_s_name_or_number_for_it() -> None:
    slices = (
        endpoint_slice("agent", ("10.0.0.1", 3000), name="1"),
        endpoint_slice("agent", ("10.0.0.1", 3004), name="2", port_name="health"),
        endpoint_slice("agent", ("10.0.0.9", 3000), name="3", namespace="other"),
    )
    made = table(*slices, service("agent", port=80), service("agent", port=80, namespace="other"))
    for port in ("agent", 80):
        backend = Backend(namespace="acme", service="agent", port=port)
        assert made.endpoints(backend) == [("10.0.0.1", 3000)]
    for port in ("3000", 3000, "", 81):
        assert made.endpoints(Backend(namespace="acme", service="agent", port=port)) == []


def test_an_endpoint_counts_unless_it_says_that_it_is_not_ready() -> None:
    made = table(
        endpoint_slice("agent", ("10.0.0.1", 3000), name="1", more=["10.0.0.7"]),
        endpoint_slice("agent", ("10.0.0.2", 3000), name="2", ready=False),
        endpoint_slice("agent", ("10.0.0.3", 3000), name="3", ready=None),
    )
    backend = Backend(namespace="acme", service="agent", port="agent")
    assert sorted(made.endpoints(backend)) == [("10.0.0.1", 3000), ("10.0.0.3", 3000)]
    made.slices.remove(endpoint_slice("agent", ("", 0), name="1"))
    assert made.endpoints(backend) == [("10.0.0.3", 3000)]


@pytest.mark.parametrize("empty", [{"endpoints": None}, {"ports": None}, {"endpoints": [], "ports": []}])
def test_a_slice_without_endpoints_or_ports_has_none(empty: Object) -> None:
    made = table({**endpoint_slice("agent", ("10.0.0.1", 3000)), **empty})
    assert made.endpoints(Backend(namespace="acme", service="agent", port="agent")) == []


def test_each_service_s_endpoints_take_turns_by_themselves() -> None:
    names = ("agent", "other")
    made = table(
        *(
            endpoint_slice(name, (f"10.0.0.{number}", 3000), name=f"{name}-{number}")
            for name in names
            for number in (1, 2)
        )
    )
    backends = [Backend(namespace="acme", service=name, port="agent") for name in names]
    asked = [made.endpoints(backend)[0][0] for _ in range(4) for backend in backends]
    assert asked[::2] == asked[1::2] == ["10.0.0.1", "10.0.0.2"] * 2


def test_it_is_complete_when_every_kind_was_listed() -> None:
    made = Table()
    for known in (made.services, made.slices, made.ingresses):
        assert not made.complete.is_set()
        known.replace([])
    assert made.complete.is_set()
