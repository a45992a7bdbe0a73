"""Exact cuts of encoded media that copy what can be copied; a child process in the sandbox."""
