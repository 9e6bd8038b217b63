"""The one exception whose text is meant for the person at the screen."""


class InputError(ValueError):
    """Input that cannot be used.

    The message is one or two plain sentences: what is wrong, with which volume or file, and what to do.
    """
