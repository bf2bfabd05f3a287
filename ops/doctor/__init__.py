"""`python -m ops doctor`: whether clusters and account have what a stack needs before it is deployed.

`in_cluster` and `in_account` look, each check by itself; `command` tells. Nothing is changed anywhere.
"""
