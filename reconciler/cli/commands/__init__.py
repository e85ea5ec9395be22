"""The commands, one small module each with a `command`; imported when the command is called."""
