"""`python -m ops validate --read-only`, with its report as the result."""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path

from ops import stack as stacks
from ops.errors import CHECK_FAILED, DONE, OperatorError
from ops.mcp.commands import Commands, Progress
from ops.mcp.outages import stack_options
from ops.mcp.results import CheckResult, ValidationResult


async def validate(
    arguments: argparse.Namespace, commands: Commands, companies: Sequence[str], progress: Progress
) -> ValidationResult:
    """Raises OperatorError."""
    with tempfile.TemporaryDirectory(prefix="validation-") as folder:
        options = [*stack_options(arguments), "--read-only", "--out", folder]
        if companies:
            stack = stacks.load(arguments)
            # A name that is not the stack's could be an option of the command.
            options += ["--companies", *(stack.company(each).name for each in companies)]
        finished = await commands.follow(["validate", *options], progress)
        if finished.code not in (DONE, CHECK_FAILED):
            raise OperatorError(finished.errors or f"the validation ended with exit code {finished.code}")
        [file] = Path(folder).glob("*.json")
        report = json.loads(file.read_text(encoding="utf-8"))
    return ValidationResult(
        passed=report["passed"],
        target=report["target"],
        counts=report["counts"],
        checks=[
            CheckResult(**{key: each[key] for key in CheckResult.model_fields}) for each in report["checks"]
        ],
    )
