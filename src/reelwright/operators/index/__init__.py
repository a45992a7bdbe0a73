"""Operators that make results searchable."""
