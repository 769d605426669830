"""NeuralForge: draw a neural network, train it, steer it while it trains, and replay the run bit for bit."""

__version__ = "0.1.0"
