"""The real `aws` plugin against the emulator, where it can be downloaded."""

from __future__ import annotations

import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml

from local.aws.emulator import REGION, Emulator, ensure_hosted_zone
from local.cluster.control_plane import ControlPlane
from local.machine.processes import Processes
from local.pulumi import tools
from local.pulumi.stack import Stack
from tests.local.target import DOMAIN, ZONE, settings
from tests.recording import PROGRAM

FOR_THE_EMULATOR = {
    "aws:s3UsePathStyle": True,
    "aws:skipCredentialsValidation": True,
    "aws:skipMetadataApiCheck": True,
}


def test_the_real_plugin_deploys_the_aws_side_and_finds_nothing_to_change(
    tmp_path: Path, control_plane: ControlPlane, emulator: Emulator
) -> None:
    if reason := tools.unreachable():
        pytest.skip(
            f"the real aws plugin cannot be downloaded: {tools.INSTALLER} cannot be reached: {reason}"
        )
    state = tmp_path / "state"
    with ThreadPoolExecutor(1) as pool:
        tools.provide(state, print, lambda question: True, pool).result()
    plugin = tools.plugin_path(state / tools.HOME, "aws")
    plugin.unlink()
    install = [
        state / "bin" / tools.COMMAND,
        "plugin",
        "install",
        "resource",
        "aws",
        tools.sdk_version("aws"),
    ]
    subprocess.run(install, env={**os.environ, "PULUMI_HOME": str(state / tools.HOME)}, check=True)
    assert plugin.exists()

    ensure_hosted_zone(emulator.url, ZONE, DOMAIN)
    config = {f"digital-agency:{key}": value for key, value in settings().items()}
    file = tmp_path / "Pulumi.local.yaml"
    file.write_text(yaml.safe_dump({"config": {"aws:region": REGION, **FOR_THE_EMULATOR, **config}}))
    services = emulator.environment() | {"KUBECONFIG": str(control_plane.kubeconfig)}
    stack = Stack(state, "local", PROGRAM, services, print)
    try:
        stack.prepare(file)
        stack.up(stack.preview().steps)
        assert stack.preview(refresh=True).steps == []
    finally:
        Processes(state).stop_all()
