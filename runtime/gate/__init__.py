"""The gate: the sidecar of every Brain and Agent. Readiness, checkpoints in S3, restore, following the
traffic.
"""
