"""Operators on pictures in time."""
