"""Peer: LitServe with batching and ONNX Runtime. Runs in its own environment.

python litserve_app.py MODEL PORT WORKERS
"""

import os
import sys

import litserve
import onnx_photos
from fastapi import Request


class Photos(litserve.LitAPI):
    def setup(self, device: str) -> None:
        threads = max(1, (os.cpu_count() or 1) // int(sys.argv[3]))
        self.session = onnx_photos.open_model(sys.argv[1], threads)

    def decode_request(self, request: Request) -> object:
        return onnx_photos.to_input(request["image"].file.read())

    def batch(self, inputs: list) -> list:
        return inputs

    def predict(self, batch: list) -> list:
        return onnx_photos.run_batch(self.session, batch)

    def unbatch(self, output: list) -> list:
        return output

    def encode_response(self, output: object) -> dict:
        return onnx_photos.to_json(output)


if __name__ == "__main__":
    api = Photos(max_batch_size=8, batch_timeout=0.005)
    server = litserve.LitServer(api, accelerator="cpu", workers_per_device=int(sys.argv[3]), timeout=120)
    server.run(
        host="127.0.0.1",
        port=int(sys.argv[2]),
        generate_client_file=False,
        log_level="warning",
        num_api_servers=1,
    )
