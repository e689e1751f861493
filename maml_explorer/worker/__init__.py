"""The worker: one plain thread that owns the state of a run. Imports no Qt."""
