"""Runs the Pulumi program in this process against a recorder: for unit tests, `render` and offline previews.

`recorder.py` keeps what a program registers, `program.py` runs a program, `values.py` is what inputs are made
of, `placeholders.py` answers without touching anything. The real engine is driven by `local/pulumi`.
"""
