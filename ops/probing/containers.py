"""The containers of a company's pods, and their ports."""

from __future__ import annotations

from ops.memory import AGENT, BRAIN
from runtime.ports import AGENT_PORT, BRAIN_PORT, GATE_PORT, HEALTH_MONITOR_PORT

HEALTH_MONITOR, GATE = "health-monitor", "gate"
PORTS = {BRAIN: BRAIN_PORT, AGENT: AGENT_PORT, HEALTH_MONITOR: HEALTH_MONITOR_PORT, GATE: GATE_PORT}
COMPONENTS = {BRAIN: BRAIN, AGENT: AGENT, HEALTH_MONITOR: AGENT}
"""The component of a container. Each component has a gate, too."""
__all__ = ["AGENT", "BRAIN", "COMPONENTS", "GATE", "HEALTH_MONITOR", "PORTS"]
