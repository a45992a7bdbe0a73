"""The command line: translates arguments to use cases, errors to exit codes."""
