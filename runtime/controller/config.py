"""The configuration of a controller: its ConfigMap, which may change while it runs."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from runtime.contracts.controller import CONFIG_FILE, SECRET_FILE, ControllerContract

SAMPLE_SIZE = 25
"""How many companies are probed for a region: enough to distinguish a region's failure from a company's,
and few enough that 500 companies cost no more than 25."""


@dataclass(frozen=True, kw_only=True)
class ControllerConfig(ControllerContract):
    """The ConfigMap `failover-controller`, read again each round, and the controllers' Secret."""

    secret: str = ""
    """What no company knows; the same in all clusters of a stack."""

    @cached_property
    def alias(self) -> str:
        """Stands for the cluster's name on pages that everybody may read."""
        return self._derived(f"cluster {self.cluster}")[:16]

    def token(self, region: str) -> str:
        """Which a controller sends to read all of the region's page; empty without a secret."""
        return self._derived(f"page {region}") if self.secret else ""

    def _derived(self, purpose: str) -> str:
        return hmac.new(self.secret.encode(), purpose.encode(), hashlib.sha256).hexdigest()

    @cached_property
    def samples(self) -> Mapping[str, tuple[str, ...]]:
        """For each region of this cluster the companies that are probed for it.

        The same ones on every replica and after every restart; another company changes at most one of them.
        No name can be chosen so that it gets into a sample: the secret decides. Dedicated companies count for
        themselves alone, so that none of them moves the others' traffic.
        """
        return {region: shared[:SAMPLE_SIZE] for region, shared in self.shared.items()}

    @cached_property
    def shared(self) -> Mapping[str, tuple[str, ...]]:
        """For each region of this cluster its companies without flags of their own; those of the sample
        first."""
        return {region: self._shared(region) for region in self.regions}

    @cached_property
    def dedicated(self) -> tuple[str, ...]:
        """Namespaces with flags of their own."""
        return tuple(sorted(name for name, company in self.companies.items() if company.dedicated))

    def probed(self, region: str) -> tuple[str, ...]:
        """The companies to probe in a region: its sample, and the dedicated ones that live there."""
        own = (name for name in self.dedicated if region in self.companies[name].regions)
        return (*self.samples[region], *own)

    def _shared(self, region: str) -> tuple[str, ...]:
        there = [
            name
            for name, company in self.companies.items()
            if region in company.regions and not company.dedicated
        ]
        return tuple(sorted(there, key=lambda name: self._rank(region, name)))

    def _rank(self, region: str, namespace: str) -> str:
        return hashlib.sha256(f"{self.secret}{region}{namespace}".encode()).hexdigest()


def load_secret(folder: Path) -> str:
    """Raises OSError or ValueError when it is missing."""
    secret = (folder / SECRET_FILE).read_text().strip()
    if not secret:
        raise ValueError(f"{folder / SECRET_FILE} is empty")
    return secret


def load_config(folder: Path, secret: str = "") -> ControllerConfig:
    """Raises OSError, ValueError, TypeError or KeyError when the ConfigMap is missing or invalid."""
    return replace(ControllerConfig.from_json((folder / CONFIG_FILE).read_text()), secret=secret)
