"""How a snapshot replaces the active files: staged beside them, then swapped in."""
