"""Models at the other end of an HTTP connection: of OpenAI, Anthropic, Google, and their like."""
