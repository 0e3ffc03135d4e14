"""OpenVINO and NNCF without what they report to their makers."""

import sys
from typing import Any, cast

_REPORTER = "openvino_telemetry"


def silence_openvino() -> None:
    """Call before the first import of openvino or nncf in a process: they report their use to Google Analytics and keep an id
    of the machine in ~/intel. Both do without where the package that sends is not there, so it is as if it were not."""
    cast(dict[str, Any], sys.modules).setdefault(_REPORTER, None)
