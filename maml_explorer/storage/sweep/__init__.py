"""Sweep folders: axes, trials, description, and what their files say."""
