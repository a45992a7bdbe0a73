"""yt-dlp, in a child process; no untyped dictionary of its leaves this room."""
