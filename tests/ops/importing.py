"""Runs `import-values` on values of any kind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from ops.__main__ import main


class Import:
    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.file, self.values, self._capsys = folder / "Pulumi.staging.yaml", folder / "values.yaml", capsys

    def run(self, values: Any, *arguments: str) -> tuple[int, str, dict[str, Any]]:
        """Exit code, what was said, and the configuration that was written, without the project's name."""
        self.file.unlink(missing_ok=True)
        self.values.write_text(values if isinstance(values, str) else yaml.safe_dump(values))
        code = main(["import-values", str(self.values), "--out", str(self.file), *arguments])
        said = self._capsys.readouterr()
        config = yaml.safe_load(self.file.read_text())["config"] if self.file.exists() else {}
        return code, said.out + said.err, {key.partition(":")[2]: value for key, value in config.items()}
