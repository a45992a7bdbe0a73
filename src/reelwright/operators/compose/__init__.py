"""Operators that join several inputs into one."""
