"""The components of the platform, one per file, and their common parts. `platform.py` assembles them."""
