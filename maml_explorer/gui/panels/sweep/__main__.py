"""The panel alone, on the trained example."""

from maml_explorer.gui.panels import preview

raise SystemExit(preview.preview("sweep"))
