"""Pure functions from what a drill observed to milestones and verdicts."""
