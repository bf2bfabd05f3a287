"""A pod that EKS gave no credentials: it says so and is replaced; a volume with data serves in the end."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from runtime.contracts.gate import GateConfig
from runtime.gate.restore import __main__ as init_container
from runtime.gate.restore import credentials
from tests.gate.handover.buckets import Buckets, BucketStore
from tests.gate.handover.memories import US

GIVEN = {
    "pod identity": ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://169.254.170.23/v1/credentials"),
    "irsa": ("AWS_WEB_IDENTITY_TOKEN_FILE", "/var/run/secrets/eks.amazonaws.com/serviceaccount/token"),
    "keys": ("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE"),
}


@pytest.fixture
def volume(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty volume of a new company, in a pod without credentials."""
    (tmp_path / "volume").mkdir()
    (tmp_path / "replacement").mkdir()
    config = GateConfig(
        region=US, namespace="acme", component="brain", order=(US,), follows=(), ranked=False,
        buckets={US: "bucket"},
    )  # fmt: skip
    (tmp_path / "settings.json").write_text(config.to_json())
    for name, value in {
        "GATE_VOLUME": tmp_path / "volume",
        "GATE_SETTINGS": tmp_path,
        "GATE_FLAGS": tmp_path / "flags",
        "GATE_RCLONE": "rclone",
        "GATE_APPLICATION": "http://127.0.0.1:3002/health",
        "GATE_REPLACEMENT": tmp_path / "replacement",
        "POD_NAME": "brain-us-east-1-0",
    }.items():
        monkeypatch.setenv(name, str(value))
    for name, _ in GIVEN.values():
        monkeypatch.delenv(name, raising=False)
    buckets = Buckets((US,))

    def stores(holder: str, writer: str, timeout: float | None = None) -> BucketStore:
        return buckets.of(US, holder, f"{writer}/acme/brain", timeout)

    monkeypatch.setattr(init_container, "BucketStores", lambda *_: stores)
    monkeypatch.setattr(credentials, "EVICTION_SECONDS", 0.01)
    return tmp_path / "volume"


def asks_for_eviction(volume: Path) -> bool:
    file = volume.parent / "replacement" / "overflow"
    asked = file.exists() and file.stat().st_size == len(credentials.OVERFLOW)
    file.unlink(missing_ok=True)
    return asked


def test_an_empty_volume_never_starts_without_credentials(
    volume: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(3):
        assert init_container.main() == 1
        assert asks_for_eviction(volume)
    message = json.loads(capsys.readouterr().out.splitlines()[0])["message"]
    assert "AWS_CONTAINER_CREDENTIALS_FULL_URI" in message
    assert "kubectl delete pod brain-us-east-1-0" in message
    assert not any(volume.iterdir())


@pytest.mark.parametrize("how", GIVEN)
def test_with_any_credentials_nothing_is_replaced(
    volume: Path, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(*GIVEN[how])
    assert init_container.main() == 0
    assert not asks_for_eviction(volume)


def test_a_pod_that_cannot_be_replaced_starts_as_before(
    volume: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GATE_REPLACEMENT")
    assert init_container.main() == 0


def test_a_volume_with_data_serves_after_five_minutes_of_new_pods(
    volume: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (volume / "acme").mkdir()
    (volume / "acme" / "graph.json").write_text("{}")
    assert init_container.main() == 1
    assert asks_for_eviction(volume)
    assert init_container.main() == 1
    first = volume / ".gate" / credentials.FIRST_FILE
    earlier = time.time() - credentials.WAIT_SECONDS - 1
    os.utime(first, (earlier, earlier))
    capsys.readouterr()
    assert asks_for_eviction(volume)
    assert init_container.main() == 0
    assert not asks_for_eviction(volume)
    assert "nothing is uploaded" in capsys.readouterr().out


def test_credentials_in_between_start_the_five_minutes_anew(
    volume: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (volume / "notes.md").write_text("x")
    assert init_container.main() == 1
    first = volume / ".gate" / credentials.FIRST_FILE
    os.utime(first, (1, 1))
    with monkeypatch.context() as given:
        given.setenv(*GIVEN["pod identity"])
        assert init_container.main() == 0
    assert not first.exists()
    assert init_container.main() == 1
