"""Query error against the inner step, on held-out tasks."""
