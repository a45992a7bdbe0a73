"""Questions answered from what is indexed, with citations that were checked."""
