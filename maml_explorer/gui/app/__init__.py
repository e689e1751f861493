"""Start, recovery and end of the application."""
