"""Clients of Kubernetes, pods and HTTP servers, on `kubernetes`, `websocket-client` and `urllib3`.

Nothing here knows of stacks, companies or the local target.
"""
