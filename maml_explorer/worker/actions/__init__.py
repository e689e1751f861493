"""Effects of the commands: one method each, by what they are about."""
