"""Keys of the JSON documents that components write and programs read."""

import re


def camel(field: str) -> str:
    """`sync_interval` -> `syncInterval`."""
    return re.sub(r"_([a-z])", lambda match: match[1].upper(), field)
