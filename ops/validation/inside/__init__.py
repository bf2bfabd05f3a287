"""Scripts that run in a gate's container, as `python3 -c <source> <argument as JSON>`: each prints JSON.

They are the standard library's alone, and stand for themselves.
"""
