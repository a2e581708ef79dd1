"""One file an alert channel; found by name, there is no list to keep."""
