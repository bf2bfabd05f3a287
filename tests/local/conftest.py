"""The local services as fixtures; goes away once tests/conftest.py has them for everybody."""

from tests.services import control_plane, emulator, state

__all__ = ["control_plane", "emulator", "state"]
