"""The hero for streams: functions learned one after another, and what is forgotten."""
