"""Peer: Roboflow inference (the open server) with the ONNX file laid into its model cache. Runs in its own environment.

    python roboflow_app.py MODEL PORT

Its server takes models by id from the vendor; started offline, it takes what lies in its cache. The routes are its own.
"""

import json
import os
import shutil
import sys
from pathlib import Path

os.environ |= {
    "MODEL_CACHE_DIR": os.environ["BENCH_HOME"],
    "OFFLINE_MODE": "True",
    "USE_INFERENCE_MODELS": "False",
    "TELEMETRY_OPT_OUT": "True",
    "METRICS_ENABLED": "False",
    "CORE_MODELS_ENABLED": "False",
    "ROBOFLOW_API_KEY": "none",
    "MODEL_VALIDATION_DISABLED": "True",
}

import uvicorn
from inference.core.cache.model_artifacts import get_cache_file_path
from inference.core.interfaces.http.http_api import HttpInterface
from inference.core.managers.base import ModelManager
from inference.core.registries.roboflow import RoboflowModelRegistry
from inference.models.utils import ROBOFLOW_MODEL_TYPES

MODEL_ID = "bench/1"
# its container has a landing page, its package has not
_LANDING_PAGE = ("inference/landing/out/static", "inference/landing/out/_next/static")


def fill_cache(model: str) -> None:
    """What a download would have left: weights, class names, settings."""
    names = os.environ["BENCH_CLASSES"].split("\n")
    resize = {"enabled": True, "format": "Fit (grey edges) in", "height": 640, "width": 640}
    told = {
        "PREPROCESSING": json.dumps({"auto-orient": {"enabled": True}, "resize": resize}),
        "CLASS_MAP": {str(i): name for i, name in enumerate(names)},
        "COLORS": dict.fromkeys(names, "#000000"),
        "BATCH_SIZE": 8,
    }
    path = Path(get_cache_file_path("weights.onnx", MODEL_ID))
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(model, path)
    (path.parent / "environment.json").write_text(json.dumps(told))
    model_type = {"project_task_type": "object-detection", "model_type": "yolo26n", "model_id": MODEL_ID}
    (path.parent / "model_type.json").write_text(json.dumps(model_type))
    (path.parent / "class_names.txt").write_text("\n".join(names))


if __name__ == "__main__":
    fill_cache(sys.argv[1])
    manager = ModelManager(model_registry=RoboflowModelRegistry(ROBOFLOW_MODEL_TYPES))
    manager.add_model(MODEL_ID, api_key="none")  # before the first request, so that ready means ready
    os.chdir(os.environ["BENCH_HOME"])
    for folder in _LANDING_PAGE:
        Path(folder).mkdir(parents=True, exist_ok=True)
    uvicorn.run(HttpInterface(manager).app, host="127.0.0.1", port=int(sys.argv[2]), log_level="warning")
