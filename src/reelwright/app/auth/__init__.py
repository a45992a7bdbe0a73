"""Who asks: the local token, API keys, JWTs and browser sessions all give a `Principal`."""
