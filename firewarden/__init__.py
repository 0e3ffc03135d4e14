"""FireWarden: sees objects, reasons about fire hazards, grades them by written rules."""

import os

# ONNX Runtime reads it as it is imported, and else reports to its makers.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

__version__ = "0.1.0"
