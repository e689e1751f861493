"""An exported initialization and its model card."""
