"""Opening, saving, exporting and sharing from the window."""
