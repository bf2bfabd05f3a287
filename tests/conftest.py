"""Fixtures for every test: the local services, started once a session."""

from tests.services import control_plane, emulator, state

__all__ = ["control_plane", "emulator", "state"]
