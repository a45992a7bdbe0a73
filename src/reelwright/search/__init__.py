"""Query, retrieve, fuse, moments."""
