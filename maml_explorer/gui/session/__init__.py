"""State of the window: settings, run, task, losses, pins."""
