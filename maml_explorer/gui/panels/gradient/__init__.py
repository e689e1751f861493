"""The meta-gradient: parts, tasks, check, cost."""
