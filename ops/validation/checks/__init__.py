"""The checks: one file for each, with its name. `check` takes the run and a target, and returns a verdict."""
