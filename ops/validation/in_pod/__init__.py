"""In-pod scripts: run in a gate's container as `python3 -c <source> <argument as JSON>`, each prints JSON.

They import the standard library alone, and nothing of each other.
"""
