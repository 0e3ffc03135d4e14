"""Why a stream cannot be read, in words that are fit to be shown."""

from av.error import HTTPForbiddenError, HTTPUnauthorizedError


class StreamBroken(Exception):
    """A stream cannot be opened or read on. The message is fit to be shown; `refused`: name or password are wrong."""

    def __init__(self, message: str, *, refused: bool = False) -> None:
        super().__init__(message)
        self.refused = refused


def broken(error: Exception, what: str) -> StreamBroken:
    """The error without FFmpeg's own text, which repeats the address."""
    refused = isinstance(error, HTTPUnauthorizedError | HTTPForbiddenError)
    words = getattr(error, "strerror", None) or type(error).__name__
    return StreamBroken(f"{what}: {words}", refused=refused)
