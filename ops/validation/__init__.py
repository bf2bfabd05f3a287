"""The validation suite: whether a running platform keeps its promises to its tenants.

`check_table.py` lists all checks, each in the file of `checks/` with its name. A check is a function of the
run and a `Target`: one company in one region, which is pods of a cluster (`pod_target.py`) or processes on
this machine (`process_target.py`). Checks that need a cluster take a `PodTarget`.
"""
