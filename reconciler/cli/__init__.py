"""The command line: one small file per command, imported when the command is called."""
