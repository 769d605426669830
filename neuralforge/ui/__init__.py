"""The window: theme, widgets, canvas and panels. Reads views and posts commands; knows neither torch nor the disk."""
