"""Runs the Pulumi program in this process against a recorder: for unit tests, `render` and offline previews.

`recorder.py` records registrations, `program.py` runs a program, `values.py` converts values,
`placeholders.py` has placeholder outputs for resources; `stack_file.py` and `yaml_*.py` read stack files.
`local/pulumi` drives the real engine.
"""
