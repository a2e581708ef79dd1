"""One file a command; found by name, there is no list to keep."""
