"""Training, evaluation, export and promotion of detectors."""

import os

# Read by ultralytics, albumentations and torch as they are imported: they ask nobody for anything, install nothing, and idle
# threads sleep.
for _name, _value in {
    "YOLO_OFFLINE": "true",
    "YOLO_AUTOINSTALL": "false",
    "NO_ALBUMENTATIONS_UPDATE": "1",
    "OMP_WAIT_POLICY": "PASSIVE",
}.items():
    os.environ.setdefault(_name, _value)
