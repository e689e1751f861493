"""The form of settings, generated from their declarations."""
