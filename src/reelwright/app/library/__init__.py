"""The library: where kept videos stand, and what is known of them."""
