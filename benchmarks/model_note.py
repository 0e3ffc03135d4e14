"""What is said of a record whose model is not the one that is shipped now."""

from collections.abc import Mapping
from typing import Any

from firewarden.models.registry import find_manifest

Model = Mapping[str, Any]  # id, sha256, input_size, as conditions name it


def shipped_model() -> dict[str, Any]:
    """The shipped model as the conditions of a record name one."""
    manifest = find_manifest()
    return {"id": manifest.id, "sha256": manifest.sha256, "input_size": manifest.input_size}


def model_note(model: Model, shipped: Model, what: str = "Measured") -> str:
    """A sentence that begins with `what`; "" for the shipped model. Versions of one id and input size differ in their
    weights alone."""
    if model["sha256"] == shipped["sha256"]:
        return ""
    ours = f"not the shipped one, `{shipped['sha256'][:12]}`"
    if (model["id"], model["input_size"]) == (shipped["id"], shipped["input_size"]):
        return (
            f"{what} with an earlier model, sha256 `{model['sha256'][:12]}`, {ours}; the network's shape, and so its time and "
            "memory, is the same."
        )
    return (
        f"{what} with another model, `{model['id']}` at {model['input_size']} px, sha256 `{model['sha256'][:12]}`, {ours}; "
        "time and memory may differ."
    )
