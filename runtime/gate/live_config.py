"""The live config: the config and flags of the gate's two ConfigMap folders, read again while it runs."""

from __future__ import annotations

from runtime.gate.config import INVALID, Environment, load_config
from runtime.gate.events import Condition, EventLog
from runtime.gate.handover.roles import Role, read_flags, role_of
from runtime.metrics import Metrics


class LiveConfig:
    """The last valid config and flags. One thread refreshes them; any reads them."""

    def __init__(self, environment: Environment, events: EventLog, metrics: Metrics) -> None:
        """Raises INVALID when the config cannot be read: there is no earlier one."""
        self._config_folder = environment.config
        self._flags_folder = environment.flags
        self._metrics = metrics
        self._config_condition = Condition(events, bad="SettingsBroken", good="SettingsRead")
        self._flags_condition = Condition(events, bad="FlagsBroken", good="FlagsRead")
        self.config = load_config(self._config_folder).check()
        self.flags: frozenset[str] = frozenset()
        self.refresh()

    def refresh(self) -> None:
        """Read both folders again. What cannot be read stays as it was."""
        try:
            self.config = load_config(self._config_folder).check()
            self._config_condition.clear("the config can be read again")
        except INVALID as error:
            self._config_condition.report(f"the config in {self._config_folder} cannot be read: {error!r}")
        try:
            self.flags = read_flags(self._flags_folder)
            self._flags_condition.clear("the flags can be read again")
        except (OSError, ValueError) as error:
            self._flags_condition.report(f"the flags in {self._flags_folder} cannot be read: {error!r}")
        broken = int(bool(self.problems))
        self._metrics.set("agency_settings_broken", broken, "1 while config or flags cannot be read.")

    @property
    def problems(self) -> list[str]:
        conditions = (self._config_condition, self._flags_condition)
        return [condition.problem for condition in conditions if condition.problem]

    @property
    def role(self) -> Role:
        """By the flags of the last refresh."""
        return role_of(self.config, self.flags)

    def flags_now(self) -> frozenset[str]:
        """Read at this moment, or those of the last refresh."""
        try:
            return read_flags(self._flags_folder)
        except (OSError, ValueError):
            return self.flags
