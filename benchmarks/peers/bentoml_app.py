"""Peer: BentoML with adaptive batching and ONNX Runtime. Runs in its own environment.

bentoml serve bentoml_app:Photos --port PORT    (BENCH_MODEL names the ONNX file)
"""

import os
from pathlib import Path

import bentoml
import onnx_photos


@bentoml.service(workers=1, traffic={"timeout": 120, "max_concurrency": 512})
class Photos:
    def __init__(self) -> None:
        self.session = onnx_photos.open_model(os.environ["BENCH_MODEL"])

    @bentoml.api(batchable=True, max_batch_size=8, max_latency_ms=60000, route="/predict")
    def predict(self, image: list[Path]) -> list[dict]:
        pictures = [onnx_photos.to_input(path.read_bytes()) for path in image]
        return [onnx_photos.to_json(rows) for rows in onnx_photos.run_batch(self.session, pictures)]
