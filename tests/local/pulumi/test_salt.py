"""The engine's copy of a stack file keeps the salt of the stack, and everything that the file says."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.stack_file import load_stack_file, read_document
from local.pulumi.stack import SALT, with_salt

TEXT = "config:\n  aws:region: us-east-1\n  domain: a.test\n"


@pytest.mark.parametrize(
    "beginning",
    ["", "---\n", "# why\n\n--- # begins\n", "%YAML 1.1\n---\n", "\ufeff", "# ---\n", "environment: [a]\n"],
)
def test_the_salt_is_beside_the_configuration(beginning: str, tmp_path: Path) -> None:
    file, copy = tmp_path / "Pulumi.local.yaml", tmp_path / "copy.yaml"
    file.write_text(beginning + TEXT, encoding="utf-8")
    copy.write_text(with_salt(file, "v1:abc="), encoding="utf-8")
    assert read_document(copy)[SALT] == "v1:abc="
    assert load_stack_file(copy) == load_stack_file(file)


def test_a_salt_of_the_file_s_own_counts(tmp_path: Path) -> None:
    file = tmp_path / "Pulumi.local.yaml"
    file.write_text(f"{SALT}: v1:own=\n{TEXT}")
    assert with_salt(file, "v1:abc=") == with_salt(file, None) == file.read_text()
