"""Operators that find something out about their input."""
