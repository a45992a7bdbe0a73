"""Reelwright: keep, shape and search video with one spec, one graph and one engine.

Nothing is imported here: `reel --version` must stay within 0.15 s of CPU.
"""

__version__ = "0.1.0"
