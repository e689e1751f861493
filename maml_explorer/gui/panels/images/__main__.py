"""The panel alone, while it trains on images."""

from maml_explorer.gui.panels import preview

raise SystemExit(preview.preview("images"))
