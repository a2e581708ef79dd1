"""One file a pane; found by name, there is no list to keep."""
