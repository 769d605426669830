"""The one exception that a person is meant to read."""


class UserError(ValueError):
    """Something the user can mend: bad input, a missing file, a value out of bounds.

    The message is one sentence (or two) that names the place and what was received. The command line prints
    it without a traceback and ends with exit code 2; a window shows it where the input was made.
    """
