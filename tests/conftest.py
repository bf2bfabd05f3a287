"""Fixtures for every test: the local services, started once a session, and an S3 for each test."""

import hypothesis

from tests.s3.fixtures import rclone, s3
from tests.services import control_plane, emulator, state

pytest_plugins = ["tests.tiers"]
__all__ = ["control_plane", "emulator", "rclone", "s3", "state"]

# How long an example takes says something of the machine.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")
