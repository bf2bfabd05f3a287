"""The validation suite: whether a running platform keeps its promises to its tenants.

Each check is written once, against a `Site`: one company in one region, whose Brain and health monitor answer
somewhere. Sites are pods of a stack's clusters (`pod_sites.py`) or processes on this machine
(`process_sites.py`). What only a cluster has is checked by functions that take a `PodSite`.
"""
