"""Keeping videos of the web: what was asked for, its entries, and who drives them."""
