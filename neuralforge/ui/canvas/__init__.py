"""The canvas: nodes, wires and the gestures that change them. The panel itself is `neuralforge.ui.panels.canvas`."""
