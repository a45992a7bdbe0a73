"""Looks at the pictures of a video in one decode, without those that tell nothing; a child process
in the sandbox."""
