"""What the peers around bare ONNX Runtime share: photo bytes to a letterboxed batch, and rows to boxes."""

import cv2
import numpy as np
import onnxruntime

SIDE, STRIDE = 640, 32


def open_model(path: str, threads: int = 0) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def to_input(data: bytes) -> np.ndarray:
    """JPEG bytes to (3, h, w) float32 RGB in [0, 1], long side 640, padded to multiples of 32 as the model was trained."""
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    h, w = picture.shape[:2]
    scale = SIDE / max(h, w)
    resized = cv2.resize(picture, (round(w * scale), round(h * scale)), interpolation=cv2.INTER_LINEAR)
    down, right = -resized.shape[0] % STRIDE, -resized.shape[1] % STRIDE
    canvas = cv2.copyMakeBorder(resized, 0, down, 0, right, cv2.BORDER_CONSTANT, value=(114, 114, 114))
    return np.ascontiguousarray(canvas[..., ::-1].transpose(2, 0, 1)).astype(np.float32) / 255


def run_batch(session: onnxruntime.InferenceSession, pictures: list[np.ndarray]) -> list[np.ndarray]:
    """Rows (k, 6) of each picture above 0.25; pictures of equal shape share a run."""
    answers: dict[int, np.ndarray] = {}
    for shape in {picture.shape for picture in pictures}:
        members = [i for i, picture in enumerate(pictures) if picture.shape == shape]
        batch = np.stack([pictures[i] for i in members])
        (rows,) = session.run([session.get_outputs()[0].name], {"images": batch})
        answers.update(zip(members, (found[found[:, 4] >= 0.25] for found in rows), strict=True))
    return [answers[i] for i in range(len(pictures))]


def to_json(rows: np.ndarray) -> dict:
    return {"detections": rows.tolist()}
