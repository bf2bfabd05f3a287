"""The local Kubernetes control plane, and its data over restarts."""

import base64
import os
import signal
import socket
import ssl
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import kubernetes
import pytest
import yaml

from local.cluster import control_plane as service
from local.cluster.control_plane import API_SERVER, CONTEXT, ETCD, PROGRAMS, ControlPlane
from local.machine import ports, procfs
from local.machine.processes import STATE_VARIABLE, ProcessError, Processes, Running
from local.programs import build
from tests.services import until

PAUSE = {"name": "main", "image": "localhost/none:1"}


def connect(control_plane: ControlPlane) -> Any:
    config = cast(Any, kubernetes.config)
    return config.new_client_from_config(str(control_plane.kubeconfig), context=CONTEXT)


def core(control_plane: ControlPlane) -> Any:
    return kubernetes.client.CoreV1Api(connect(control_plane))


def put_config_map(control_plane: ControlPlane, name: str) -> None:
    body = {"metadata": {"name": name}, "data": {"key": "value"}}
    core(control_plane).create_namespaced_config_map("default", body)


def has_config_map(control_plane: ControlPlane, name: str) -> bool:
    config_maps = core(control_plane).list_namespaced_config_map("default").items
    return name in {item.metadata.name for item in config_maps}


def running(state: Path) -> dict[str, Running | None]:
    return {name: Processes(state).find(name) for name in PROGRAMS}


def kill(state: Path, name: str) -> None:
    process = Processes(state).find(name)
    assert process is not None
    os.kill(process.pid, signal.SIGKILL)
    until(lambda: not Processes(state).alive(name), f"{name} is dead")


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The state folder of a control plane that these tests may break and mend."""
    folder = tmp_path_factory.mktemp("own")
    try:
        service.start(folder, print)
        yield folder
    finally:
        Processes(folder).stop_all()


def test_it_is_kubernetes_of_the_pinned_version(control_plane: ControlPlane) -> None:
    version = kubernetes.client.VersionApi(connect(control_plane)).get_code()

    pinned = (build.MODULES / "kubernetes" / "go.mod").read_text()
    assert f"\nrequire k8s.io/kubernetes {version.git_version}\n" in pinned
    assert f"v{version.major}.{version.minor}" == version.git_version.rpartition(".")[0]


def test_the_kubeconfig_carries_its_authority_and_is_for_its_owner_only(control_plane: ControlPlane) -> None:
    content = yaml.safe_load(control_plane.kubeconfig.read_text())

    assert content["current-context"] == CONTEXT
    assert [context["name"] for context in content["contexts"]] == [CONTEXT]
    cluster = content["clusters"][0]["cluster"]
    assert cluster["server"] == control_plane.server
    assert b"BEGIN CERTIFICATE" in base64.b64decode(cluster["certificate-authority-data"])
    assert "insecure-skip-tls-verify" not in cluster
    secret = [control_plane.kubeconfig, *(control_plane.kubeconfig.parent / "pki").glob("*.key")]
    secret.append(control_plane.kubeconfig.parent / "pki" / "tokens.csv")
    assert {stat.S_IMODE(file.stat().st_mode) for file in secret} == {0o600}


def test_its_certificate_satisfies_strict_clients(control_plane: ControlPlane) -> None:
    trust = ssl.create_default_context(cafile=str(control_plane.kubeconfig.parent / "pki" / "ca.crt"))
    trust.verify_flags |= ssl.VERIFY_X509_STRICT
    port = int(control_plane.server.rpartition(":")[2])

    with (
        socket.create_connection(("127.0.0.1", port)) as connection,
        trust.wrap_socket(connection, server_hostname="127.0.0.1") as secured,
    ):
        assert secured.version() == "TLSv1.3"


def test_the_store_answers_only_to_its_certificate(own: Path) -> None:
    port = Processes(own).port(ETCD)
    trust = ssl.create_default_context(cafile=str(own / "pki" / "etcd-ca.crt"))
    trust.load_cert_chain(own / "pki" / "apiserver.crt", own / "pki" / "apiserver.key")

    with (
        socket.create_connection(("127.0.0.1", port)) as connection,
        trust.wrap_socket(connection, server_hostname="127.0.0.1") as secured,
        pytest.raises(ssl.SSLError, match="alert"),
    ):
        secured.recv(1)


def test_a_namespace_gets_its_account_and_authority(control_plane: ControlPlane) -> None:
    api = core(control_plane)
    api.create_namespace({"metadata": {"name": "accounts"}})

    def exist() -> bool:
        accounts = {item.metadata.name for item in api.list_namespaced_service_account("accounts").items}
        maps = {item.metadata.name for item in api.list_namespaced_config_map("accounts").items}
        return "default" in accounts and "kube-root-ca.crt" in maps

    until(exist, "the controllers have created them")


def test_a_deployment_gets_pods_and_the_scheduler_says_why_they_wait(control_plane: ControlPlane) -> None:
    labels = {"app": "waiting"}
    pod = {"metadata": {"labels": labels}, "spec": {"containers": [PAUSE]}}
    spec = {"replicas": 2, "selector": {"matchLabels": labels}, "template": pod}
    apps: Any = kubernetes.client.AppsV1Api(connect(control_plane))
    apps.create_namespaced_deployment("default", {"metadata": {"name": "waiting"}, "spec": spec})

    def explained() -> bool:
        pods = core(control_plane).list_namespaced_pod("default", label_selector="app=waiting").items
        conditions = [condition for item in pods for condition in item.status.conditions or []]
        return [condition.message for condition in conditions].count(
            "no nodes available to schedule pods"
        ) == 2

    until(explained, "both pods say that there is no node")


def test_pod_security_is_enforced(control_plane: ControlPlane) -> None:
    api = core(control_plane)
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    api.create_namespace({"metadata": {"name": "guarded", "labels": labels}})

    pod = {"metadata": {"name": "loose"}, "spec": {"containers": [PAUSE]}}
    with pytest.raises(kubernetes.client.ApiException, match="violates PodSecurity"):
        api.create_namespaced_pod("guarded", pod)


def test_a_quota_counts_and_refuses(control_plane: ControlPlane) -> None:
    api = core(control_plane)
    api.create_namespace({"metadata": {"name": "counted"}})
    quota = {"metadata": {"name": "few"}, "spec": {"hard": {"secrets": "0"}}}
    api.create_namespaced_resource_quota("counted", quota)
    until(lambda: api.read_namespaced_resource_quota("few", "counted").status.used is not None, "it counts")

    with pytest.raises(kubernetes.client.ApiException, match="exceeded quota"):
        api.create_namespaced_secret("counted", {"metadata": {"name": "one"}})


def test_a_namespace_that_is_deleted_goes_with_all_that_is_in_it(control_plane: ControlPlane) -> None:
    api = core(control_plane)
    api.create_namespace({"metadata": {"name": "leaving"}})
    api.create_namespaced_config_map("leaving", {"metadata": {"name": "inside"}})

    api.delete_namespace("leaving")

    until(lambda: "leaving" not in {item.metadata.name for item in api.list_namespace().items}, "it is gone")


def test_a_second_start_changes_nothing(own: Path) -> None:
    before = running(own)
    written = (own / "kubeconfig").stat().st_mtime_ns
    lines: list[str] = []

    assert service.start(own, lines.append) == service.start(own, print)
    assert running(own) == before
    assert (own / "kubeconfig").stat().st_mtime_ns == written
    assert lines == []


@pytest.mark.parametrize("part", PROGRAMS)
def test_a_killed_part_comes_back_alone_and_nothing_is_lost(own: Path, part: str) -> None:
    first = service.start(own, print)
    put_config_map(first, f"before-killing-{part}")
    before = running(own)
    kill(own, part)

    control_plane = service.start(own, print)

    after = running(own)
    assert control_plane == first
    assert [name for name in PROGRAMS if after[name] != before[name]] == [part]
    assert has_config_map(control_plane, f"before-killing-{part}")
    put_config_map(control_plane, f"after-killing-{part}")


def test_an_api_server_whose_port_was_taken_moves_and_the_others_follow(own: Path) -> None:
    before = service.start(own, print)
    port = int(before.server.rpartition(":")[2])
    kill(own, API_SERVER)
    until(lambda: ports.is_free(port), "its port is free")
    with socket.create_server(("127.0.0.1", port)):
        after = service.start(own, print)

    assert after.server != before.server == f"https://127.0.0.1:{port}"
    put_config_map(after, "after-moving")
    body = {"metadata": {"name": "after-moving"}}
    core(after).create_namespace(body)
    until(
        lambda: bool(core(after).list_namespaced_service_account("after-moving").items),
        "the controllers have reconnected to the API server",
    )


def test_stop_leaves_no_process_and_the_next_start_finds_everything(own: Path) -> None:
    put_config_map(service.start(own, print), "before-stopping")

    assert sorted(Processes(own).stop_all()) == sorted(PROGRAMS)
    assert list(procfs.find_by_environment({STATE_VARIABLE: str(own.resolve())})) == []

    assert has_config_map(service.start(own, print), "before-stopping")


def test_two_state_folders_are_two_clusters(control_plane: ControlPlane, own: Path) -> None:
    other = service.start(own, print)
    put_config_map(control_plane, "only-here")

    assert other.server != control_plane.server
    assert not has_config_map(other, "only-here")
    before = running(own)
    assert None not in before.values()


def test_a_part_that_dies_is_reported_with_the_end_of_its_log(state: Path) -> None:
    state.mkdir()
    (state / "etcd").write_text("no folder")

    with pytest.raises(
        ProcessError, match=r"(?s)etcd ended before the API server is ready\n.*etcd\.log:\n.*not a dir"
    ):
        service.start(state, print)


def test_another_address_makes_a_new_certificate_of_the_same_authority(state: Path) -> None:
    first = service.start(state, print)
    authority = (state / "pki" / "ca.crt").read_bytes()
    certificate = (state / "pki" / "apiserver.crt").read_bytes()

    second = service.start(state, print, address="127.0.0.2")

    assert second.server == first.server.replace("127.0.0.1", "127.0.0.2")
    assert (state / "pki" / "ca.crt").read_bytes() == authority
    assert (state / "pki" / "apiserver.crt").read_bytes() != certificate
    assert has_config_map(second, "kube-root-ca.crt")
