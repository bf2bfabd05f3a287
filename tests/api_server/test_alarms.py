"""The alarms, judged by the Prometheus operator's own kinds and by its admission webhook."""

from __future__ import annotations

import json
import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
import urllib3

from local.programs.catalog import binaries
from tests.api_server.server import Manifest, Server, manifests
from tests.components.test_render import render
from tests.recording import ROOT
from tests.services import until


@pytest.fixture(scope="module")
def webhook() -> Iterator[str]:
    """The URL of the webhook that the operator registers for PrometheusRules."""
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    program = binaries(["admission-webhook"], print)["admission-webhook"]
    process = subprocess.Popen([str(program), f"-web.listen-address={address}", "-web.enable-tls=false"])
    try:
        until(lambda: _answers(f"http://{address}/healthz"), "the webhook answers")
        yield f"http://{address}/admission-prometheusrules/validate"
    finally:
        process.terminate()
        process.wait()


@pytest.fixture(scope="module")
def objects(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Manifest]]:
    """The production stack's objects of the operator, by kind."""
    out = tmp_path_factory.mktemp("out")
    assert render(ROOT / "Pulumi.prod.yaml", out) == 0
    found = dict[str, list[Manifest]]()
    for each in manifests(Path(out)):
        if each["apiVersion"].startswith("monitoring.coreos.com/"):
            found.setdefault(each["kind"], []).append(each)
    return found


def _answers(url: str) -> bool:
    try:
        return urllib3.request("GET", url, retries=False).status == HTTPStatus.OK
    except urllib3.exceptions.HTTPError:
        return False


def judged(webhook: str, rule: Manifest) -> dict[str, Any]:
    kind = {"group": "monitoring.coreos.com", "version": "v1", "resource": "prometheusrules"}
    review = {
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {"uid": "1", "operation": "CREATE", "resource": kind, "object": rule},
    }
    answer = urllib3.request("POST", webhook, json=review, headers={"Content-Type": "application/json"})
    response: dict[str, Any] = json.loads(answer.data)["response"]
    return response


def test_every_expression_is_one_that_prometheus_reads(
    webhook: str, objects: dict[str, list[Manifest]]
) -> None:
    assert len(objects["PrometheusRule"]) == 3
    for rule in objects["PrometheusRule"]:
        assert judged(webhook, rule)["allowed"] is True


def test_a_broken_expression_would_be_refused(webhook: str, objects: dict[str, list[Manifest]]) -> None:
    rule = json.loads(json.dumps(objects["PrometheusRule"][0]))
    rule["spec"]["groups"][0]["rules"][0]["expr"] += " >"
    assert judged(webhook, rule)["allowed"] is False


def test_a_monitor_with_an_unknown_key_would_be_refused(
    server: Server, objects: dict[str, list[Manifest]]
) -> None:
    for monitor in objects["PodMonitor"]:
        server.apply(
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": monitor["metadata"]["namespace"]}},
            dry_run=False,
        )
        assert server.apply(monitor) is None
        assert "not declared in schema" in (
            server.apply({**monitor, "spec": {**monitor["spec"], "ports": []}}) or ""
        )
