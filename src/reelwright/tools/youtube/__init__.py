"""The YouTube Data API v3: its calls, typed. Quota and cache are the caller's."""
