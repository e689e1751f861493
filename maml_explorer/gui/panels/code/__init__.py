"""Code of the current settings."""
