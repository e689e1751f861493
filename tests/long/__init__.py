"""The long column of the reliability table: scripts, bounded in time, that print a summary."""
