"""From a graph to the PyTorch source that is read, trained and exported."""
