"""Watching one camera: a frame in, changes of events out. Masked on arrival, looked at only when it pays."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import numpy as np

from firewarden.cctv.camera import Camera
from firewarden.cctv.confirm import Confirming, confirm, dismiss, needs_look, rewind
from firewarden.cctv.equipment import Places, find_missing
from firewarden.cctv.events import ChangeKind, Event, EventChange
from firewarden.cctv.frame import Frame
from firewarden.cctv.health import Health, with_picture
from firewarden.cctv.masks import assess_clear, clear_grey, mask_frame
from firewarden.cctv.motion import Gate, observe, to_blocks, with_look
from firewarden.cctv.sightings import Look, find_sightings, view_of
from firewarden.cctv.video_sampling import EARLY_SHARE, is_late
from firewarden.inference.cctv_rules import Nearness
from firewarden.inference.image import Image
from firewarden.inference.inspector import Inspector
from firewarden.inspection import InspectionResult

MEDIA_TYPE = "image/x-raw-bgr"


@dataclass(frozen=True, slots=True)
class Watch:
    """All that is remembered about one camera."""

    gate: Gate = field(default_factory=Gate)
    confirming: Confirming = field(default_factory=Confirming)
    places: Places = field(default_factory=dict)
    health: Health = field(default_factory=Health)
    last_at: datetime | None = None  # of the last frame
    sampled_at: datetime | None = None
    hw: tuple[int, int] | None = None


class Watcher:
    """One camera joined with an inspector; its state is a value in `watch`. Not thread-safe: one thread a camera."""

    def __init__(
        self,
        camera: Camera,
        inspector: Inspector,
        clock: Callable[[], datetime],
        *,
        remembered: Confirming | None = None,
    ) -> None:
        """`clock` tells the time of receipt, with its offset from UTC; events go by the frames' own times.
        `remembered` is what was followed before a restart (`firewarden.cctv.memory`)."""
        self.camera = camera
        self.watch = Watch(confirming=remembered or Confirming())
        self._inspector = inspector
        self._rules = inspector.rules
        self._clock = clock

    def see(self, frame: Frame) -> list[EventChange]:
        """What one frame changes. Frames come in the order of their times; one that does not is dropped and counted.
        Raises ValueError for a frame of another camera."""
        if frame.camera_id != self.camera.id:
            raise ValueError(f"got a frame of camera {frame.camera_id!r}, expected {self.camera.id!r}")
        self._count("frames")
        self._set(health=replace(self.watch.health, received_at=self._clock()))
        self._follow_clock()
        wrong_time = self._wrong_time(frame.at)
        if wrong_time is not None:
            self._count(wrong_time)
            return []
        if self.watch.last_at is None:
            self._set(confirming=rewind(self.watch.confirming, frame.at, self._clock()))
        if self.watch.hw not in (None, frame.hw):
            self._count("resized")
            self._set(gate=Gate())  # blocks of another size show other parts of the scene
        reason = self._why_not(frame.at)
        self._set(last_at=frame.at, hw=frame.hw)
        if reason is not None:
            self._count(reason)
            if reason == "off_schedule":
                self._set(health=self.watch.health.without_pictures())
            return []
        self._set(sampled_at=frame.at)
        return self._sample(mask_frame(frame, self.camera.zones.private_mask))

    def adopt(self, camera: Camera) -> None:
        """The register changed: zones, schedule and scene of `camera` hold from the next frame on. What is followed stays;
        the background is learned again, as masks are part of it."""
        self.camera = camera
        self._set(gate=Gate())

    def dismiss(self, event_id: str, until: datetime, event: Event | None = None) -> list[EventChange]:
        """A person said that an event is none; its place raises nothing until then. One that ended long ago is followed no
        more: its place is known where the stored `event` is given."""
        at = self.watch.last_at or self._clock()
        state, changes = dismiss(self.watch.confirming, event_id, at, until, event)
        self._set(confirming=state)
        return list(changes)

    def problems(self) -> tuple[str, ...]:
        """What is wrong with the camera now: silent, frozen, black."""
        return self.watch.health.problems(self._clock(), self._rules.cctv.health, taken_at=self.watch.last_at)

    def last_frame_age_s(self) -> float | None:
        """Seconds since a frame was received; None before the first."""
        received = self.watch.health.received_at
        return (self._clock() - received).total_seconds() if received else None

    def _follow_clock(self) -> None:
        """Where the clock was set back, begin anew: by the old times every frame would be late until they came again."""
        if self.watch.last_at is None or not self._is_ahead(self.watch.last_at):
            return
        health = self.watch.health.without_pictures()
        self._set(last_at=None, sampled_at=None, gate=Gate(), health=health)

    def _is_ahead(self, at: datetime) -> bool:
        return at - self._clock() > timedelta(seconds=self._rules.cctv.health.ahead_s)

    def _wrong_time(self, at: datetime) -> str | None:
        """The count of a frame that is out of order. One from the future would make all later ones late."""
        if self._is_ahead(at):
            return "ahead"
        return "late" if self.watch.last_at is not None and at <= self.watch.last_at else None

    def _why_not(self, at: datetime) -> str | None:
        """The count of a frame that is no sample: early, and the next one, after as long again, will not be late."""
        if not self.camera.is_on(at):
            return "off_schedule"
        sampled, before, every_s = self.watch.sampled_at, self.watch.last_at, self.camera.sample_every_s
        if sampled is None or before is None:
            return None
        waited_s, apart_s = (at - sampled).total_seconds(), (at - before).total_seconds()
        on_time = waited_s >= every_s * (1 - EARLY_SHARE)
        return None if on_time or is_late(waited_s + apart_s, every_s) else "early"

    def _sample(self, frame: Frame) -> list[EventChange]:
        """Gate, look and confirm one masked frame."""
        rules, before = self._rules.cctv, self.watch
        blocks = to_blocks(frame.pixels, grid_w=rules.motion.grid_w, grid_h=rules.motion.grid_h)
        grey = clear_grey(blocks, self.camera.zones.private_mask, frame.hw)
        health = with_picture(before.health, blocks, before.gate.previous, grey, frame.at, rules.health)
        watched = bool(before.confirming.tracks)
        gate, opening = observe(before.gate, blocks, frame.at, rules.motion, watched=watched)
        self._set(gate=gate, health=health)
        if health.is_blind(frame.at, rules.health):
            self._count("blind")
            return []
        pending = needs_look(before.confirming, frame.at, gate.last_look_at, rules.confirm)
        if not (pending or opening.wants_look(rules.motion)):
            self._count("skipped")
            return []
        self._set(gate=with_look(self.watch.gate, blocks, frame.at))
        return self._look(frame, grey)

    def _look(self, frame: Frame, grey: float | None) -> list[EventChange]:
        """Look at one masked frame; `grey` is the mean of what is not masked."""
        self._count("inferences")
        image, rules = to_image(frame), self._rules
        quality = assess_clear(image, self.camera.zones.private_mask, grey, rules.quality)
        result = self._inspector.judge(
            image,
            self._inspector.detector.see(image),
            self.camera.context(),
            min_confidence=rules.cctv.equipment.present_confidence,
            quality=quality,
            timings={},
        )
        if quality.problems:
            self._count("unreadable")
            look = self._judge_poor(result, frame.at)
        else:
            look = self._judge(result, frame.at)
        state, changes = confirm(self.watch.confirming, look, self.camera.id, self._nearness(), rules.cctv)
        self._set(confirming=state)
        return [c if c.kind is ChangeKind.CLOSED else replace(c, frame=frame) for c in changes]

    def _nearness(self) -> Nearness:
        follow = self._rules.cctv.follow
        return follow.moving if self.camera.scene in follow.moving_scenes else follow.still

    def _judge(self, result: InspectionResult, at: datetime) -> Look:
        view = view_of(result, self._inspector.detector.manifest)
        places, missing, unjudged = find_missing(self.watch.places, result, view, self.camera, self._rules)
        self._set(places=places)
        return Look(at, (*find_sightings(result, view, self.camera, self._rules), *missing), unjudged)

    def _judge_poor(self, result: InspectionResult, at: datetime) -> Look:
        """A look at a picture too poor to judge: what is seen in it is there; what is not seen is neither gone nor missing."""
        view = view_of(result, self._inspector.detector.manifest)
        unseen = frozenset(self._rules.cctv.equipment.hazards.values())
        seen = (s for s in find_sightings(result, view, self.camera, self._rules) if s.hazard not in unseen)
        return Look(at, tuple(seen), frozenset(track.key for track in self.watch.confirming.tracks))

    def _count(self, name: str) -> None:
        self._set(health=self.watch.health.counted(name))

    def _set(self, **changes: object) -> None:
        self.watch = replace(self.watch, **changes)  # type: ignore[arg-type]


def to_image(frame: Frame) -> Image:
    """A masked frame as the detector takes it; the sha256 is that of its pixel bytes."""
    pixels = np.ascontiguousarray(
        frame.pixels
    ).view()  # Image makes its array read-only; the caller's stays as it is
    return Image(pixels, frame.hw, hashlib.sha256(pixels.data).hexdigest(), MEDIA_TYPE)
