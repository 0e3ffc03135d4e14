"""Peer: FastAPI with ultralytics `predict` on the ONNX file, as its documentation shows. Runs in its own environment.

python ultralytics_app.py MODEL PORT WORKERS
"""

import os
import sys

import cv2
import numpy as np
import uvicorn
from fastapi import FastAPI, Request
from starlette.concurrency import run_in_threadpool
from ultralytics import YOLO

MODEL = os.environ.get("BENCH_MODEL", "")
app = FastAPI()
model = YOLO(MODEL, task="detect") if MODEL else None


def look(data: bytes) -> list[dict]:
    """Boxes of one photo; ultralytics lets one thread at a time into a model."""
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    boxes = model.predict(picture, imgsz=640, conf=0.25, device="cpu", verbose=False)[0].boxes
    return [
        {"xyxy": box, "confidence": confidence, "class_id": int(class_id)}
        for box, confidence, class_id in zip(
            boxes.xyxy.tolist(), boxes.conf.tolist(), boxes.cls.tolist(), strict=True
        )
    ]


@app.get("/readyz")
def ready() -> dict:
    return {"status": "ready"}


@app.post("/predict")
async def predict(request: Request) -> dict:
    return {"detections": await run_in_threadpool(look, await request.body())}


@app.on_event("startup")
def warm_up() -> None:
    model.predict(np.zeros((480, 640, 3), np.uint8), imgsz=640, device="cpu", verbose=False)


if __name__ == "__main__":
    os.environ["BENCH_MODEL"] = sys.argv[1]
    uvicorn.run(
        "ultralytics_app:app",
        host="127.0.0.1",
        port=int(sys.argv[2]),
        workers=int(sys.argv[3]),
        log_level="warning",
    )
