"""Texts that can be searched beside the videos: reading, indexing, listing, removing."""
