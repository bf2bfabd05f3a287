"""`python -m ops drill`: takes a region down, watches what happens, brings it back, and reports it."""
