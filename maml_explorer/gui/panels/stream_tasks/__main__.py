"""The panel alone, while it trains on streams."""

from maml_explorer.gui.panels import preview

raise SystemExit(preview.preview("stream_tasks"))
