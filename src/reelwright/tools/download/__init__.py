"""Plain downloads over HTTP, resumed only where the origin is provably the same."""
