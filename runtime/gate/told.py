"""What the gate is told while it runs: the settings and the flags of its two ConfigMap folders."""

from __future__ import annotations

from runtime.gate.roles import Role, read_flags, role_of
from runtime.gate.settings import Environment, GateSettings, load_settings
from runtime.gate.steps import Condition, Steps
from runtime.metrics import Metrics

WRONG = (OSError, ValueError, KeyError, TypeError, AttributeError)
"""What reading settings raises when they are not there, or not what they should be."""
COMPONENTS = ("agent", "brain")


class Told:
    """The last good settings and flags. One thread refreshes them; any reads them."""

    def __init__(self, environment: Environment, steps: Steps, metrics: Metrics) -> None:
        """Raises WRONG when the settings cannot be read: there are none to go on with."""
        self._settings_folder = environment.settings
        self._flags_folder = environment.flags
        self._metrics = metrics
        self._of_settings = Condition(steps, bad="SettingsBroken", good="SettingsRead")
        self._of_flags = Condition(steps, bad="FlagsBroken", good="FlagsRead")
        self.settings = _checked(load_settings(self._settings_folder))
        self.flags: frozenset[str] = frozenset()
        self.refresh()

    def refresh(self) -> None:
        """Read both folders again. What cannot be read leaves what was read last as it is."""
        try:
            self.settings = _checked(load_settings(self._settings_folder))
            self._of_settings.is_good("the settings can be read again")
        except WRONG as error:
            self._of_settings.is_bad(f"the settings in {self._settings_folder} cannot be read: {error!r}")
        try:
            self.flags = read_flags(self._flags_folder)
            self._of_flags.is_good("the flags can be read again")
        except (OSError, ValueError) as error:
            self._of_flags.is_bad(f"the flags in {self._flags_folder} cannot be read: {error!r}")
        broken = int(bool(self.problems))
        self._metrics.set("agency_settings_broken", broken, "1 while settings or flags cannot be read.")

    @property
    def problems(self) -> list[str]:
        return [text for text in (self._of_settings.problem, self._of_flags.problem) if text]

    @property
    def role(self) -> Role:
        """By the flags read last."""
        return role_of(self.settings, self.flags)

    def flags_now(self) -> frozenset[str]:
        """Read at this moment, or those read last."""
        try:
            return read_flags(self._flags_folder)
        except (OSError, ValueError):
            return self.flags


def _checked(settings: GateSettings) -> GateSettings:
    """Raises ValueError naming the key, the value that came and what is accepted."""
    wanted = {
        "region": (settings.region, settings.region in settings.order, f"one of order {settings.order}"),
        "component": (settings.component, settings.component in COMPONENTS, " or ".join(COMPONENTS)),
        "syncInterval": (settings.sync_interval, _positive(settings.sync_interval), "seconds above 0"),
        "replicas": (settings.replicas, _positive(settings.replicas), "a number above 0"),
        "transfers": (settings.transfers, _positive(settings.transfers), "a number above 0"),
        "buckets": (
            settings.buckets,
            not settings.buckets or settings.region in settings.buckets,
            f"none, or one for {settings.region} too",
        ),
    }
    wrong = [
        f"{key}: {came!r}, accepted: {accepted}" for key, (came, ok, accepted) in wanted.items() if not ok
    ]
    if wrong:
        raise ValueError("; ".join(wrong))
    return settings


def _positive(value: object) -> bool:
    return isinstance(value, int) and value > 0
