"""`python -m ops drill`: takes a region down, observes the failover, brings the region back, and reports."""
