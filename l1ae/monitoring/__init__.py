"""Data taking against the reference of a run: inputs, scores, and the rate of each threshold."""
