"""FireWarden: sees objects, reasons about fire hazards, grades them by written rules."""

import os

os.environ.setdefault(
    "ORT_DISABLE_TELEMETRY", "1"
)  # ONNX Runtime reads it as it is imported, and else reports to its makers

__version__ = "0.1.0"
