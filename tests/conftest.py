"""What holds for all tests: hypothesis measures no time, since a busy machine must not turn a test red."""

from hypothesis import settings

settings.register_profile("neuralforge", deadline=None)
settings.load_profile("neuralforge")
