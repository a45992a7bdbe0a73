"""How the child says that it ended."""

LOOKED, CANNOT, DISK_FULL = 0, 3, 4
