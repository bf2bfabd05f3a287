"""`python -m ops drill`: take a region down, measure the failover, bring the region back, and report."""
