"""The embedded engine: deploys the Pulumi program where there is no `pulumi` CLI.

`deployment.py` decides what happens to each resource, `kubernetes.py` and `aws.py` (with its table) do it,
`state.py` remembers it.
"""
