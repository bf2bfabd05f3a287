"""Snapshots of a volume: how they are read from it, uploaded as checkpoints, found in buckets and deleted."""
