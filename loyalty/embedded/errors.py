"""What can go wrong with the embedded servers."""


class EmbeddedServerError(Exception):
    """An embedded server cannot be started; the message says why and names the way out."""


class MissingServerProgramError(EmbeddedServerError):
    """The wheel that brings the server's program is not installed, usually because there is none for this Python."""


class UnusableFolderError(EmbeddedServerError):
    """The folder for the server's data belongs to somebody else or cannot be created."""
