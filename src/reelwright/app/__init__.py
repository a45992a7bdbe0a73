"""One use case a file, and the wiring of it all."""
