"""Runs the Pulumi program in this process, against a monitor of ours: for tests, render, the embedded engine.

`recorder.py` keeps what a program registers, `program.py` runs one, `values.py` is what inputs are made of,
`placeholders.py` answers without touching anything. The embedded engine is `local/embedded`.
"""
