"""The register of the database as those who watch see it: its cameras with their sources, read again when it changes."""

import logging
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from fnmatch import fnmatchcase

from sqlalchemy.exc import SQLAlchemyError

from firewarden.cctv.camera import Camera
from firewarden.cctv.camera_claims import CameraClaims
from firewarden.cctv.camera_store import CameraStore
from firewarden.cctv.runner import Watched
from firewarden.cctv.stream_address import read_address
from firewarden.cctv.video_source import Source
from firewarden.errors import HazardError

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Seen:
    """When each camera was changed last, which are left out, from where the others are watched."""

    marks: Mapping[str, datetime] = field(default_factory=dict)
    left_out: frozenset[str] = frozenset()
    watched: frozenset[Source] = frozenset()


class LiveRegister:
    """A `runner.Register`. A camera whose address cannot be used here is told once and left out until it can."""

    def __init__(
        self,
        store: CameraStore,
        *,
        claims: CameraClaims | None = None,
        only: Collection[str] = (),
        replay: bool = False,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """`only`: patterns of ids, of which one has to fit; none: all cameras. With `claims`, no other process watches a
        camera at the same time."""
        self._store, self._claims, self._only = store, claims, tuple(only)
        self._replay, self._environment = replay, environment
        self._told: dict[str, str] = {}  # of cameras that are left out
        self._usable: Watched = ()
        self._adopted = _Seen()

    def read(self) -> Watched:
        """All cameras that can be watched from here, and now are by nobody else. Raises SQLAlchemyError."""
        self._adopted, watched = self._look()
        return watched

    def follow(self, adopt: Callable[[Watched], None]) -> None:
        """Hand all cameras to `adopt` where the register or an address has changed, a camera was left out, or one has come
        to this process or gone to another. A database that is away, also while they are adopted, leaves all as it is, and
        is asked again the next time."""
        try:
            seen, watched = self._look()
            if seen != self._adopted:
                adopt(watched)
                self._adopted = seen
        except SQLAlchemyError as error:
            _log.warning("the register was not read (%s); the cameras stay as they are", type(error).__name__)

    def release(self) -> None:
        """Nothing is watched any more: others may take the cameras at once."""
        try:
            if self._claims is not None:
                self._claims.release()
        except SQLAlchemyError as error:
            _log.warning(
                "the cameras were not given up (%s); others wait for the lease", type(error).__name__
            )

    def _look(self) -> tuple[_Seen, Watched]:
        """How the register stands, and what is to be watched of it."""
        marks = self._store.marks()  # before the cameras: a change in between is read again
        if marks != self._adopted.marks or self._told:
            self._usable = self._read_usable()
        else:
            self._usable = [(camera, self._renewed(camera, source)) for camera, source in self._usable]
        watched = self._claimed()
        return _Seen(marks, frozenset(self._told), frozenset(source for _, source in watched)), watched

    def _claimed(self) -> Watched:
        if self._claims is None:
            return self._usable
        held = self._claims.hold([camera.id for camera, _ in self._usable])
        return [(camera, source) for camera, source in self._usable if camera.id in held]

    def _read_usable(self) -> Watched:
        chosen = chosen_cameras(self._store.load_all(), self._only)
        listed = [(camera, self._source(camera)) for camera in chosen]
        watched = [(camera, source) for camera, source in listed if source is not None]
        self._told = {c.id: self._told[c.id] for c, source in listed if source is None}
        return watched

    def _renewed(self, camera: Camera, source: Source) -> Source:
        """Its source by what its reference holds now; the known one while that is replaced."""
        try:
            return source_of(camera, replay=self._replay, environment=self._environment)
        except HazardError:
            return source

    def _source(self, camera: Camera) -> Source | None:
        try:
            return source_of(camera, replay=self._replay, environment=self._environment)
        except HazardError as error:
            if self._told.get(camera.id) != str(error):
                _log.warning("not watched: %s", error)
            self._told[camera.id] = str(error)
            return None


def chosen_cameras(cameras: Iterable[Camera], only: Collection[str]) -> list[Camera]:
    """Cameras whose id fits one of the patterns (`*`, `?`, `[...]`), upper and lower case told apart; all where there is no
    pattern."""
    return [c for c in cameras if not only or any(fnmatchcase(c.id, pattern) for pattern in only)]


def source_of(camera: Camera, *, replay: bool, environment: Mapping[str, str] | None = None) -> Source:
    """Where a camera's pictures come from; raises HazardError naming the camera, never its address."""
    try:
        address = read_address(camera.url, environment)
    except HazardError as error:
        raise HazardError(f"camera {camera.id!r}: {error}") from None
    return Source(camera.id, address, camera.sample_every_s, replay and not address.is_live)
