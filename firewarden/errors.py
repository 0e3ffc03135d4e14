"""The exception tree: one root, five leaves. Every message says got, expected and cure."""


class HazardError(Exception):
    """Root of all errors that a user or operator can cause and cure."""


class InvalidImage(HazardError):
    """The bytes are not a picture this system accepts. `status` is the HTTP status that fits (400/413/415/422)."""

    def __init__(self, message: str, *, status: int = 422) -> None:
        super().__init__(message)
        self.status = status


class PolicyError(HazardError):
    """The rule file is damaged: unknown key, class, predicate or hazard."""


class ModelMismatch(HazardError):
    """A model folder and its manifest, or the manifest and the rules, disagree."""


class NotInstalled(HazardError):
    """A package that this needs is not installed. `install` is the command that cures it."""

    def __init__(self, message: str, *, install: str) -> None:
        super().__init__(message)
        self.install = install


class DatasetError(HazardError):
    """A data folder is missing something or holds labels that cannot be right."""
