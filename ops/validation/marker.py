"""The data that a run stores, with the run's id and a random token."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ops.probing.test_data import VALIDATION, memory

RATE = "100% success (1/1)"
"""What a Brain answers about an agent whose only task succeeded."""


def run_id() -> str:
    return secrets.token_hex(3)


@dataclass(frozen=True, kw_only=True)
class Marker:
    """What one run stores for one company in one region.

    The application takes a company as an argument of each call and keeps a folder for each. The marker goes
    into a company of its own (`folder`) inside the tenant's Brain: no tenant's data is touched, no tenant's
    recall finds the marker, and it is removed with its folder.
    """

    run: str
    company: str
    token: str = field(default_factory=lambda: secrets.token_hex(8))

    @property
    def folder(self) -> str:
        return f"{VALIDATION}-{self.run}-{re.sub('[^a-zA-Z0-9]+', '-', self.company).lower()}"

    @property
    def memory(self) -> Mapping[str, Any]:
        """Arguments of `brain_store`."""
        id, request = f"{self.folder}-{self.token}", f"Validation of {self.company}: keep {self.token}"
        return memory(self.folder, id, request, f"kept {self.token}")

    @property
    def question(self) -> str:
        """The text that the application embeds for this memory: no other memory is nearer to it."""
        memory = self.memory
        return f"Task: {memory['taskId']}\nRequest: {memory['request']}\nSolution: {memory['solution']}"

    @property
    def agent(self) -> str:
        """The agent of the task that is logged, and of the metric that is tracked."""
        return f"{VALIDATION}-{self.token}"

    @property
    def experience(self) -> Mapping[str, Any]:
        """Arguments of `log_experience`."""
        return {
            "taskId": f"{self.folder}-sop-{self.token}",
            "task_type": f"{VALIDATION}-sop",
            "agent_used": self.agent,
            "outcome": "success",
            "summary": f"An SOP was executed for {self.company} by the validation suite ({self.token})",
            "company": self.folder,
        }

    @property
    def proposal(self) -> Mapping[str, Any]:
        """An HR proposal that nobody has to act upon."""
        return {
            "id": f"{VALIDATION}-{self.token}",
            "title": "Validation of the platform",
            "description": f"Written by `python -m ops validate` for {self.company}, and removed by it.",
            "status": "rejected",
            "company": self.company,
        }

    @property
    def proposal_file(self) -> str:
        """Below the `.agent` folder."""
        return f"companies/{self.company}/hr/proposals/{VALIDATION}-{self.token}.json"
