"""A stack: its settings, and the names of its buckets."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

from ops.errors import WRONG_CALL, OperatorError
from ops.stack_file import PROGRAM, StackFileError, read, stack_of
from plan import names
from settings import Company, Settings, SettingsError, from_config


@dataclass(frozen=True, kw_only=True)
class Stack:
    name: str
    file: Path
    settings: Settings

    def bucket(self, region: str) -> str:
        return names.bucket_name(self.settings.resource_prefix, self.name, region)

    @property
    def regions(self) -> tuple[str, ...]:
        return tuple(region.name for region in self.settings.regions)

    def company(self, name: str) -> Company:
        """By its name or its namespace. Raises OperatorError."""
        for company in self.settings.companies:
            if name in (company.name, company.namespace):
                return company
        names = ", ".join(company.name for company in self.settings.companies) or "none"
        raise OperatorError(f"--company: {name} is not in {self.file}; must be one of {names}", WRONG_CALL)

    def wrong_region(self, name: str) -> OperatorError:
        """For a region that the stack does not have."""
        names = ", ".join(self.regions)
        return OperatorError(f"--region: {name} is not in {self.file}; must be one of {names}", WRONG_CALL)

    def companies_in(self, *regions: str) -> list[Company]:
        """The companies that are in one of these regions."""
        return [
            company
            for company in self.settings.companies
            if any(region.name in regions for region in self.settings.regions_of(company))
        ]

    def require_replication(self) -> None:
        if not self.settings.replication.enabled:
            raise OperatorError(
                f"{self.file}: replication.enabled is false: the stack {self.name} has no snapshots",
                WRONG_CALL,
            )


def add_arguments(command: argparse.ArgumentParser) -> None:
    """`--stack` and `--config`, of which one is required."""
    command.add_argument("--stack", help="the stack with the settings in Pulumi.<stack>.yaml")
    command.add_argument(
        "--config", type=Path, help="another stack file; its name has the stack, unless --stack is set"
    )


def load(arguments: argparse.Namespace) -> Stack:
    """Raises OperatorError, or StackFileError for a stack file that can't be deployed."""
    if arguments.config is None and arguments.stack is None:
        raise OperatorError("--stack: missing (required), unless --config names a stack file", WRONG_CALL)
    file: Path = arguments.config or PROGRAM.parent / f"Pulumi.{arguments.stack}.yaml"
    name = stack_of(file, arguments.stack)
    if arguments.config is None and not file.exists():
        stacks = ", ".join(sorted(map(stack_of, file.parent.glob("Pulumi.*.yaml"))))
        raise OperatorError(f"--stack: no file {file.name}; must be one of {stacks}", WRONG_CALL)
    config, secret_keys = read(file)
    try:
        return Stack(name=name, file=file, settings=from_config(config, name, secret_keys))
    except SettingsError as error:
        raise StackFileError(str(error)) from error
