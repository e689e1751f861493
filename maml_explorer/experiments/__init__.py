"""Training without a window: runs, replays, reproductions, ablations, the Python interface."""
