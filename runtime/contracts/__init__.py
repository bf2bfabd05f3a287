"""The formats in which the deployment configures the programs: `components/` writes them, the programs read
them.
"""
