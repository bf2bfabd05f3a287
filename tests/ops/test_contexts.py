"""Which cluster a command reaches: by the stack file, or by contexts of the operator's kubeconfig."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from local.cluster.control_plane import ControlPlane
from ops import cluster_access
from ops.cluster_access import clusters_of
from ops.errors import WRONG_CALL, OperatorError
from ops.stack import Stack
from ops.stack_file import read
from settings import from_config
from tests.ops.snapshots import EU, US, stack_file

CONTEXT = "digital-agency-local"


@pytest.fixture
def kubeconfig(control_plane: ControlPlane, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "kubeconfig"
    shutil.copy(control_plane.kubeconfig, file)
    monkeypatch.setenv("KUBECONFIG", str(file))
    # The library reads the variable when it is loaded.
    monkeypatch.setattr("kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(file))
    return file


def stack(folder: Path, name: str = "dev", *clusters: dict[str, str]) -> Stack:
    given_clusters = clusters or ({"context": CONTEXT}, {"context": CONTEXT})
    regions = [
        {"name": region, "cluster": cluster, "endpoint": f"{region}.example.com"}
        for region, cluster in zip((US, EU), given_clusters, strict=True)
    ]
    file = stack_file(folder, name, regions=regions)
    config, _ = read(file)
    return Stack(name=name, file=file, settings=from_config(config, name))


TWO = ({"eks": "blue"}, {"eks": "blue"})


def test_the_stack_file_s_context_is_used(kubeconfig: Path, tmp_path: Path) -> None:
    (cluster,) = clusters_of(stack(tmp_path))
    assert set(cluster.regions) == {US, EU}
    assert cluster.kubectl == f"kubectl --context {CONTEXT}"
    spaces = {one["metadata"]["name"] for one in cluster.api.list("Namespace")}
    assert {"default", "kube-system"} <= spaces
    (service,) = cluster.api.list("Service", "default", {"component": "apiserver"})
    assert service["metadata"]["name"] == "kubernetes"


def test_one_context_is_enough_for_one_cluster(kubeconfig: Path, tmp_path: Path) -> None:
    (cluster,) = clusters_of(
        stack(tmp_path, "dev", {"context": "another"}, {"context": "another"}), [CONTEXT]
    )
    assert set(cluster.regions) == {US, EU}


def test_each_cluster_has_its_context(kubeconfig: Path, tmp_path: Path) -> None:
    found = clusters_of(stack(tmp_path, "dev", *TWO), [f"{EU}={CONTEXT}", f"{US}={CONTEXT}"])
    assert [cluster.regions for cluster in found] == [(EU,), (US,)]


@pytest.mark.parametrize(
    ("contexts", "cause"),
    [
        (
            [CONTEXT],
            "--context: must be <region>=<context> for a region .*; got digital-agency-local",
        ),
        ([f"{US}={CONTEXT}"], f"--context: missing for {EU}"),
        ([f"mars={CONTEXT}", f"{EU}={CONTEXT}"], "--context: must be .*; got mars=digital-agency-local"),
    ],
)
def test_contexts_that_leave_a_cluster_open_are_refused(
    contexts: list[str], cause: str, kubeconfig: Path, tmp_path: Path
) -> None:
    with pytest.raises(OperatorError, match=cause) as found:
        clusters_of(stack(tmp_path, "dev", *TWO), contexts)
    assert found.value.code == WRONG_CALL


def test_a_context_that_is_not_there_is_named(kubeconfig: Path, tmp_path: Path) -> None:
    with pytest.raises(
        OperatorError, match=r"\(context no-such\) of .*name a context of your kubeconfig"
    ) as found:
        clusters_of(stack(tmp_path), ["no-such"])
    assert found.value.code == WRONG_CALL


def test_a_cluster_that_does_not_answer_is_said(kubeconfig: Path, tmp_path: Path) -> None:
    text = kubeconfig.read_text().replace("https://127.0.0.1:", "https://127.0.0.1:1")
    kubeconfig.write_text(text)
    with pytest.raises(OperatorError, match=rf"\(context {CONTEXT}\) of .* does not answer"):
        clusters_of(stack(tmp_path))


def test_the_local_target_must_run(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match=r"the local target does not run .*: start it with `make up`"):
        clusters_of(stack(tmp_path, "local"), state=tmp_path / "state")


def test_an_eks_cluster_is_reached_by_what_its_lookup_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Endpoint and authority in the stack file: nothing is looked up."""
    eks = {"eks": "blue", "endpoint": "https://10.0.0.1", "certificateAuthority": "QQ=="}
    known = stack(tmp_path, "dev", eks, {**eks, "endpoint": "https://10.0.0.2"})
    monkeypatch.setattr(cluster_access, "_check", lambda *_: None)
    found = clusters_of(known)
    kubeconfigs = [json.loads(cluster.api._kubeconfig) for cluster in found]
    assert [one["clusters"][0]["cluster"]["server"] for one in kubeconfigs] == [
        "https://10.0.0.2",
        "https://10.0.0.1",
    ]
    arguments = kubeconfigs[0]["users"][0]["user"]["exec"]["args"]
    assert arguments[:2] == ["--region", EU] and "blue" in arguments
