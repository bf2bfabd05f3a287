"""The gate: the sidecar of every Brain and Agent. It answers readiness, uploads snapshots of the volume to
S3, restores them, and hands a company's memory over from region to region. `ARCHITECTURE.md` explains the
terms.

Imports go one way. A module imports from its own line and from the lines above it:

    config, events, application     what the gate is configured with, records, and which processes it finds
    storage                         buckets and durable files; knows nothing of snapshots
    snapshot                        checkpoints: made, found in buckets, deleted
    lineage                         generations, which snapshot wins, what diverged
    restore                         the staged snapshot, the swap, restore requests, the init container
    handover                        roles, promotion and demotion
    live_config, mcp, readiness, worker, api, __main__
"""
