"""What `make` runs: setting up, and the rules that no tool off the shelf knows."""
