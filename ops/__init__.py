"""What an operator runs beside Pulumi: `python -m ops <command>`."""
