"""In-pod scripts: `python3 -c <source> <arguments>` in a gate's container. All but `freeze` take one
argument, as JSON, and print JSON.

They import the standard library alone, and nothing of each other.
"""
