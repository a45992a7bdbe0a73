"""What the archive is missing, why, and what is done about it."""
