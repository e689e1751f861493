"""The HTML report of a reproduction or ablation."""
