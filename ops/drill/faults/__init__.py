"""The faults that a drill injects into a region, each with its way back."""
