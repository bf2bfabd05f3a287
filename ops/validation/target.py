"""The target of checks: one company in one region, on a cluster or on this machine."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from clients.pod_streams import Executed
from ops.probing.containers import AGENT
from ops.probing.failure import Failure
from ops.probing.test_data import UPLOAD_SECONDS


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Seconds to wait for."""

    answer: float = 30.0
    """Each call of a tool."""
    start: float = 180.0
    """A process, or a pod, until it answers again."""
    metric: float = 60.0
    """A metric, from one container to the other."""
    upload_slack: float = UPLOAD_SECONDS
    standby: float = 900.0
    """Until another region has the objects: what AWS promises of replication time control."""
    restart: float = 600.0
    """A node, until its pods are Ready."""


class Target(ABC):
    """All methods raise Failure, HttpError, OperatorError, KubernetesError and OSError."""

    company: str
    region: str = ""
    """Empty where there are no regions."""

    @property
    def name(self) -> str:
        return f"{self.company} in {self.region}" if self.region else self.company

    @abstractmethod
    def open(self) -> None:
        """Start the target, or check that it runs."""

    @abstractmethod
    def close(self) -> None: ...

    @abstractmethod
    def url(self, container: str) -> str:
        """The base URL of the Brain or the health monitor. Another URL after a restart."""

    @abstractmethod
    def logs(self, container: str) -> str:
        """The command or file that shows a container's log."""

    def failure(self, container: str, cause: str) -> Failure:
        """With the command for the container's log."""
        return Failure(cause, self.logs(container))

    @abstractmethod
    def count_files(self, folder: str) -> int:
        """How many files a company's folder on the Brain's volume has."""

    def run_in_agent(self, script: str, *arguments: str, container: str = AGENT) -> str:
        """The output of a shell script in one of the Agent's containers; its `$1` is the folder `.agent`."""
        code, out, err = self.execute(container, script, arguments)
        if code != 0:
            raise self.failure(
                container,
                f"a command in the {container} of {self.name} ended with exit code {code}:"
                f" {(err or out).strip()}",
            )
        return out

    @abstractmethod
    def execute(self, container: str, script: str, arguments: Sequence[str]) -> Executed:
        """As `run_in_agent`, with the exit code."""

    @abstractmethod
    def restart_brain(self) -> str:
        """End the Brain, wait until its successor answers, and say what was done."""

    def standby_reason(self) -> str | None:
        """Why nothing may be stored in this Brain now: it is a standby. None: it may."""
        return None

    def recovered(self) -> bool:
        """After a call that failed: whether the gate had restarted the Brain, and the Brain answers again."""
        return False
