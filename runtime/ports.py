"""The ports of the platform's pods, each of a container of its own."""

AGENT_PORT = 3000
BRAIN_PORT = 3002
HEALTH_MONITOR_PORT = 3004
GATE_PORT = 3010
