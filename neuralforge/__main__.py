"""`python -m neuralforge` is the command `neuralforge`."""

from neuralforge.app.cli import main

main()
