"""Standalone torch.func code of the current settings."""
