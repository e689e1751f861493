"""All that crosses between worker and window: commands, reports, insight records."""
