"""Models that give texts a place by their meaning."""
