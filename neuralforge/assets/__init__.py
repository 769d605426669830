"""Files that are not code."""
