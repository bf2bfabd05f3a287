"""Removes a drill's markers from a company's volume, so that its gate goes on uploading."""

from __future__ import annotations

from clients.http_client import HttpError
from ops.aws import AwsAccess
from ops.drill.journal import Entry
from ops.drill.observe.brains import BrainError, PodBrains
from ops.drill.observe.markers import Markers
from ops.drill.observe.snapshots import store_of
from ops.errors import OperatorError
from ops.probing.failure import Failure
from ops.probing.test_data import Removal
from ops.stack import Stack
from ops.terminal import rounds, say

POLL_SECONDS = 1.0
RETURN_SECONDS = 300.0
"""Until a region that was taken down serves again."""
MEMORIES = "memories"
"""The kind of the journal's entry."""


def entry_of(markers: Markers, namespace: str, region: str) -> Entry:
    return {
        "what": MEMORIES,
        "namespace": namespace,
        "region": region,
        "companies": [markers.company, markers.unknown_company],
    }


class Cleanup:
    def __init__(self, stack: Stack, access: AwsAccess, brains: PodBrains) -> None:
        self._stack, self._access, self._brains = stack, access, brains

    def remove_markers(self, entry: Entry) -> None:
        """Raises OperatorError with what is left, and where."""
        namespace, region, folders = entry["namespace"], entry["region"], entry["companies"]
        where = f".agent/brain/{folders[0]} of {namespace} in {region}"
        self._await_serving(namespace, region, where)
        replicated = self._stack.settings.replication.enabled
        removal = Removal(
            stack=self._stack,
            pod=self._brains.pod(namespace, region),
            store=store_of(self._stack, self._access, namespace, region, region) if replicated else None,
            paths=folders,
        )
        try:
            removal.run()
        except (Failure, HttpError, OperatorError) as error:
            raise OperatorError(f"{where} is left: {error}") from error

    def _await_serving(self, namespace: str, region: str, where: str) -> None:
        """A standby is left alone: the primary's snapshot replaces its files."""
        for _, report in rounds(POLL_SECONDS, RETURN_SECONDS):
            try:
                problem = self._brains.not_serving(namespace, region)
            except BrainError as error:
                problem = str(error)
            if not problem:
                return
            if report:
                say(f"waiting until {where} can be removed (Ctrl-C leaves it to the next drill): {problem}")
        raise OperatorError(f"{where} is left: {problem}")
