"""Search for moments: asking, embedding, cutting out what was found, measuring how good it is."""
