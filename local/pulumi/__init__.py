"""The Pulumi engine for the stack `local`.

`tools.py` provides the `pulumi` command and the provider plugins, `stack.py` runs the program with them
through `pulumi.automation`, `display.py` shows the engine's events.
"""
