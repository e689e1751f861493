"""Settings: how one is declared, all there are, presets, and settings as text."""
