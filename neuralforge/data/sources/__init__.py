"""Data sources, one file a family; a new file with a `SOURCES` tuple is found without any other change."""
