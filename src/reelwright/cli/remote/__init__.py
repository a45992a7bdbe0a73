"""Commands that ask a service (`reel --server URL …`) in place of this machine."""
