"""`python -m ops doctor`: checks of clusters (`in_cluster`) and the AWS account (`in_account`)."""
