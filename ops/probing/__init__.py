"""What drill and validation share: pods and their gates, in-pod scripts, test data, signals."""
