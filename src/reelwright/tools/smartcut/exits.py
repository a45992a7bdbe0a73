"""How the child says what came of it."""

CUT, CANNOT, DISK_FULL = 0, 3, 4
