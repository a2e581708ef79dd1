"""One file a detector; found by name, there is no list to keep."""
