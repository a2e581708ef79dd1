"""One file a log format; found by name, there is no list to keep."""
