"""The drawn place of the simulated day, for tests of the cameras."""

from firewarden.benchmarks.cctv_stage import (
    CHINA,
    HW,
    MANIFEST,
    START,
    Actor,
    Stage,
    at,
    camera,
    play,
    watcher,
    zones,
)

__all__ = ["CHINA", "HW", "MANIFEST", "START", "Actor", "Stage", "at", "camera", "play", "watcher", "zones"]
