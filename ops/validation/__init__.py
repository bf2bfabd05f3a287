"""The validation suite: whether a running platform keeps its promises to its tenants.

`check_table.py` lists the checks; each has a file in `checks/`. A check is a function of the run and a
`Target`, one company in one region: pods of a cluster (`pod_target.py`) or processes on this machine
(`process_target.py`). Checks that need a cluster take a `PodTarget`.
"""
