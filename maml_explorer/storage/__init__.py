"""Files: one atomic writer, one careful reader, and the formats built on them. No Qt."""
