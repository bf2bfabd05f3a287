"""Fixtures for every test: the local services, started once a session, and an S3 for each test."""

import gc

import hypothesis

from tests.s3.fixtures import rclone, s3
from tests.services import control_plane, emulator, state

pytest_plugins = ["tests.tiers"]
__all__ = ["control_plane", "emulator", "rclone", "s3", "state"]

# Recordings of stacks make millions of objects, and hardly any cycle: an eighth of the time otherwise.
gc.set_threshold(50_000, 20, 100)
# How long an example takes says something of the machine.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")
