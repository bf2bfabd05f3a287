"""Primitives of this machine: processes, ports, files, commands, certificates."""
