"""What a person may write to name a model, on the command line or as a setting."""

from pathlib import Path


def model_named(name: str | None) -> str | Path | None:
    """What --model means: a name with a path separator (or an existing folder) is a folder, anything else a model id."""
    return Path(name) if name and ("/" in name or "\\" in name or Path(name).is_dir()) else name
