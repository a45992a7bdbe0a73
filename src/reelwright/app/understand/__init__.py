"""Making videos searchable: what is asked of a video, the job of it, and what becomes passages."""
