"""What is said of a record whose model, or whose file of it in lower precision, is not the one that is shipped now."""

from collections.abc import Mapping
from typing import Any

from firewarden.models.manifest import ModelManifest
from firewarden.models.registry import find_manifest

Model = Mapping[str, Any]  # id, sha256, input_size, files, as conditions name it; older ones have no files
_REDUCED = (
    "-int8"  # what such keys of a runtime and its precision end with; all others read the model's own file
)


def model_of(manifest: ModelManifest) -> dict[str, Any]:
    """A model as the conditions of a record name it. `files` are sha256 of its files in lower precision, by runtime and
    precision; of the weights, where those lie in a file of their own."""
    files = {key: file.weights_sha256 or file.sha256 for key, file in manifest.artefacts.items()}
    return {"id": manifest.id, "sha256": manifest.sha256, "input_size": manifest.input_size, "files": files}


def shipped_model() -> dict[str, Any]:
    """The shipped model as the conditions of a record name one."""
    return model_of(find_manifest())


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


def file_text(model: Model, key: str) -> str:
    """Which file a runtime and precision, e.g. `onnxruntime-int8`, read; "" where it was the model's own, whose sha256 the
    record names anyway."""
    if not key.endswith(_REDUCED):
        return ""
    sha256 = model.get("files", {}).get(key)
    return f"model file `{sha256[:12]}`" if sha256 else "model file not recorded"


def record_note(told: Mapping[str, Any], shipped: Model, what: str = "Measured") -> str:
    """As `model_note`, of a whole record: also a sentence for each file in lower precision that it has figures of and that is
    not known to be the shipped one."""
    model = told["conditions"]["model"]
    notes = [
        model_note(model, shipped, what),
        *(_file_note(model, shipped, key, what) for key in _keys(told)),
    ]
    return " ".join(note for note in notes if note)


def _file_note(model: Model, shipped: Model, key: str, what: str) -> str:
    ours = shipped.get("files", {}).get(key)
    if ours and model.get("files", {}).get(key) == ours:
        return ""
    now = f"the shipped one is `{ours[:12]}`" if ours else "none is shipped"
    return f"{what} in {key.replace('-', ' ')}: {file_text(model, key)}, {now}; time and memory may differ."


def _keys(told: Mapping[str, Any]) -> list[str]:
    """Runtimes and precisions with files of their own that a record has figures of: that of its conditions, and of loops."""
    runtime = told["conditions"]["runtime"]
    rows = (*told.get("loops", ()), *told.get("rows", ()))
    loops = [row["loop"].partition(",")[0] for row in rows if "loop" in row]
    return sorted(
        {key for key in (f"{runtime['runtime']}-{runtime['precision']}", *loops) if key.endswith(_REDUCED)}
    )
