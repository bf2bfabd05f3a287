"""A stack whose AWS is the test S3, for commands with credentials from the environment; `import-values`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.ops.copies import Copies
from tests.ops.importing import Import
from tests.s3 import ADMIN, S3Service


@pytest.fixture
def copies(s3: S3Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Copies:
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3.url)
    for name, value in s3.credentials(ADMIN).items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    return Copies(s3, tmp_path)


@pytest.fixture
def importing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Import:
    return Import(tmp_path, capsys)
