"""The MCP server: agents and assistants read a stack's status, validate it, simulate a regional outage."""
