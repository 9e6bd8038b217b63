"""The one exception whose text is meant for the person at the screen."""


class InputError(ValueError):
    """Input that cannot be used.

    The message is one or two plain sentences: what is wrong, with which volume or file, and what to do.
    """


class UntrustworthyError(RuntimeError):
    """Usable input for which no alignment could be found.  The message is a plain sentence."""
