"""Webhooks: endpoints and their secrets, messages, and the sender."""
