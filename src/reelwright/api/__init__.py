"""HTTP: translates requests to use cases, errors to problems."""
