"""Colours, fonts, arm styles and number formats."""
