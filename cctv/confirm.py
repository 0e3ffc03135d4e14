"""From sightings to events in time: confirmed by several looks, kept while the thing stands, ended when it is gone.

Only looks count; a frame that the motion gate skipped says nothing. All functions are pure, the state is a value.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from firewarden.cctv.events import ChangeKind, Event, EventChange, event_id
from firewarden.cctv.sightings import Look, Sighting
from firewarden.cctv.tracker import iou, match_boxes
from firewarden.findings import Box
from firewarden.inference.cctv_rules import CctvRules, Confirmation, ConfirmRules, Nearness


@dataclass(frozen=True, slots=True)
class Track:
    """One thing followed through the looks. Without an event it is a candidate; with an ended one it is remembered, so
    that its return is no news. `looks` are (when, seen) of the time the rule asks about; empty where nothing pends.
    `xyxy` is its place; `strayed` is where it was seen last, in so many `strays` looks in a row, when that was elsewhere."""

    key: str
    hazard: str
    xyxy: Box
    since: datetime
    last_seen: datetime
    gravest: Sighting
    looks: tuple[tuple[datetime, bool], ...]
    misses: int = 0  # in a row
    missed_since: datetime | None = None
    event: Event | None = None
    muted_until: datetime | None = None
    strayed: Box | None = None
    strays: int = 0

    @property
    def is_open(self) -> bool:
        return self.event is not None and self.event.ended_at is None


@dataclass(frozen=True, slots=True)
class Confirming:
    """All that is followed at one camera."""

    tracks: tuple[Track, ...] = ()


def confirm(
    state: Confirming, look: Look, camera_id: str, near: Nearness, rules: CctvRules
) -> tuple[Confirming, tuple[EventChange, ...]]:
    """One look later: the new state, and what became of events. `look.at` must not go back in time."""
    known = [track for track in state.tracks if not _is_forgotten(track, look.at, rules.confirm)]
    seen_by, fresh = _associate(known, look.sightings, near, rules.confirm)
    settle = partial(_settle, at=look.at, camera_id=camera_id, rules=rules.confirm)
    settled: list[tuple[Track | None, EventChange | None]] = [
        (track, None)
        if track.muted_until is not None or (track.key in look.unjudged and number not in seen_by)
        else settle(_after_look(track, seen_by.get(number), look.at, near, rules.confirm))
        for number, track in enumerate(known)
    ]
    settled += [settle(_candidate(sighting, look.at)) for sighting in fresh]
    kept = tuple(track for track, _ in settled if track is not None)
    return Confirming(kept), tuple(change for _, change in settled if change is not None)


def needs_look(state: Confirming, at: datetime, last_look_at: datetime | None, rules: ConfirmRules) -> bool:
    """Whether something is neither confirmed nor gone yet, so that the next look must not wait for motion."""
    waited = (at - last_look_at).total_seconds() if last_look_at else float("inf")
    return any(
        track.misses > 0 if track.is_open else waited >= rule_of(track.key, rules).look_every_s
        for track in state.tracks
        if _is_pending(track, at, rule_of(track.key, rules))
    )


def _is_pending(track: Track, at: datetime, rule: Confirmation) -> bool:
    """Whether looks may still settle it. Where none succeeded for long (darkness), the gate need not be held open."""
    if track.muted_until is not None or not track.looks:
        return False
    longest = max(rule.within_s, rule.dwell_s, rule.gone_after_s)
    return (at - track.looks[-1][0]).total_seconds() <= longest


def dismiss(
    state: Confirming, dismissed: str, at: datetime, until: datetime, event: Event | None = None
) -> tuple[Confirming, tuple[EventChange, ...]]:
    """A person said that event `dismissed` is none: it ends, and the thing raises nothing in its place until `until`. Where
    it is followed no more, its place is that of `event`, as it was stored."""
    if event is not None and all(
        track.event is None or track.event.id != dismissed for track in state.tracks
    ):
        state = Confirming(
            (*state.tracks, track_of(replace(event, ended_at=event.ended_at or event.last_seen)))
        )
    tracks, changes = [], []
    for track in state.tracks:
        if track.event is not None and track.event.id == dismissed:
            if track.is_open:
                closed = replace(track.event, ended_at=at)
                changes.append(EventChange(ChangeKind.CLOSED, closed))
                track = replace(track, event=closed)
            track = replace(track, muted_until=until, looks=())
        tracks.append(track)
    return Confirming(tuple(tracks)), tuple(changes)


def track_of(event: Event) -> Track:
    """A stored event followed from where it was seen last."""
    key = event.cell if event.cell.startswith("equipment:") else event.hazard
    seen = Sighting(
        key, event.hazard, event.xyxy, event.confidence, event.risk_level, event.rule_ids, event.reason
    )
    return Track(key, event.hazard, event.xyxy, event.first_seen, event.last_seen, seen, (), event=event)


def rewind(state: Confirming, at: datetime, now: datetime) -> Confirming:
    """The state for frames that begin at `at`, where some of it is of a later time: a recording is played again, or a clock
    was set back. Candidates and events that began or ended later are forgotten; not those that a person dismissed, nor what
    is open from a time ahead of the clock, `now`, for it may stand there still."""
    return Confirming(tuple(kept for track in state.tracks if (kept := _rewound(track, at, now))))


def _rewound(track: Track, at: datetime, now: datetime) -> Track | None:
    latest = max([track.last_seen, *(looked_at for looked_at, _ in track.looks[-1:])])
    if latest <= at or track.muted_until is not None:
        return track
    if track.event is None:
        return None
    stays = track.is_open and track.event.first_seen > now
    if (track.event.ended_at or track.event.first_seen) > at and not stays:
        return None
    return replace(track, looks=(), misses=0, missed_since=None)


def rule_of(key: str, rules: ConfirmRules) -> Confirmation:
    """How sightings of a key are confirmed."""
    return rules.equipment if key.startswith("equipment:") else rules.hazards.get(key, rules.default)


def cell_of(box: Box, rules: ConfirmRules) -> str:
    """The cell of the picture in which a thing stands: that of the middle of its base."""
    column = min(int((box[0] + box[2]) / 2 * rules.cells_w), rules.cells_w - 1)
    row = min(int(box[3] * rules.cells_h), rules.cells_h - 1)
    return f"c{max(0, column)}r{max(0, row)}"


def is_confirmed(
    looks: tuple[tuple[datetime, bool], ...], since: datetime, rule: Confirmation, *, late_share: float
) -> bool:
    """Whether these looks (oldest first, the last one now) make an event; `within_s` may be passed by `late_share` of it."""
    if not looks or not looks[-1][1]:
        return False
    now = looks[-1][0]
    within_s = (1 + late_share) * rule.within_s
    recent = [seen for at, seen in looks[-rule.of :] if (now - at).total_seconds() <= within_s]
    dwelt = [seen for at, seen in looks if (now - at).total_seconds() <= rule.dwell_s]
    return (
        sum(recent) >= rule.needed
        and (now - since).total_seconds() >= rule.dwell_s
        and sum(dwelt) >= rule.dwell_share * len(dwelt)
    )


def _associate(
    tracks: list[Track], sightings: tuple[Sighting, ...], near: Nearness, rules: ConfirmRules
) -> tuple[dict[int, Sighting], list[Sighting]]:
    """Which track saw which sighting, and the sightings of new things. What lasts is matched before what is only
    remembered; boxes speak first, then the cell. A sighting in a cell whose thing is already known is no new thing."""
    seen_by: dict[int, Sighting] = {}
    fresh: list[Sighting] = []
    for key in dict.fromkeys(sighting.key for sighting in sightings):
        left = [sighting for sighting in sightings if sighting.key == key]
        mine = [number for number, track in enumerate(tracks) if track.key == key]
        for group in (_lasting(mine, tracks), [n for n in mine if n not in _lasting(mine, tracks)]):
            places, strayed = [tracks[n].xyxy for n in group], [tracks[n].strayed for n in group]
            pairs = match_boxes(places, [s.xyxy for s in left], near, strayed)
            seen_by |= {group[i]: left[j] for i, j in pairs}
            left = [sighting for j, sighting in enumerate(left) if j not in {pair[1] for pair in pairs}]
        for sighting in left:
            cell = cell_of(sighting.xyxy, rules)
            same = [n for n in mine if tracks[n].event is not None and cell_of(tracks[n].xyxy, rules) == cell]
            if same:
                seen_by.setdefault(same[0], sighting)
            else:
                fresh.append(sighting)
    return seen_by, fresh


def _lasting(numbers: Iterable[int], tracks: list[Track]) -> list[int]:
    return [n for n in numbers if tracks[n].event is None or tracks[n].is_open]


def _is_forgotten(track: Track, at: datetime, rules: ConfirmRules) -> bool:
    if track.muted_until is not None:
        return at >= track.muted_until
    ended = track.event.ended_at if track.event else None
    return ended is not None and not track.looks and at - ended >= timedelta(seconds=rules.suppress_s)


def _candidate(sighting: Sighting, at: datetime) -> Track:
    return Track(sighting.key, sighting.hazard, sighting.xyxy, at, at, sighting, ((at, True),))


def _after_look(
    track: Track, sighting: Sighting | None, at: datetime, near: Nearness, rules: ConfirmRules
) -> Track:
    """The track with one more look. A remembered thing that stays away has none pending."""
    if sighting is None and track.event is not None and not track.is_open and not track.looks:
        return track
    rule = rule_of(track.key, rules)
    span = max((1 + rules.late_share) * rule.within_s, rule.dwell_s)
    looks = tuple(entry for entry in track.looks if (at - entry[0]).total_seconds() <= span)
    since = track.since if looks else at
    if sighting is None:
        missed = track.missed_since or at
        return replace(
            track, looks=(*looks, (at, False)), misses=track.misses + 1, missed_since=missed, since=since
        )
    return replace(
        _placed(track, sighting.xyxy, near),
        last_seen=at,
        since=since,
        gravest=max(track.gravest, sighting, key=_gravity),
        looks=(*looks, (at, True)),
        misses=0,
        missed_since=None,
    )


def _placed(track: Track, seen: Box, near: Nearness) -> Track:
    """The track with its place after a sighting. Another thing nearby, or one that is not there, may have been taken for
    it while it was missed: what has an event stays in its place until it was seen elsewhere often enough."""
    strays = track.strays + 1
    if track.event is None or strays >= near.moved_after_looks or iou(track.xyxy, seen) >= near.iou_gte:
        return replace(track, xyxy=seen, strayed=None, strays=0)
    return replace(track, strayed=seen, strays=strays)


def _gravity(sighting: Sighting) -> tuple[int, float]:
    return (-1 if sighting.risk_level is None else sighting.risk_level.rank), sighting.confidence


def _settle(
    track: Track, at: datetime, camera_id: str, rules: ConfirmRules
) -> tuple[Track | None, EventChange | None]:
    """What a look decided about one thing: open it, end it, drop it, or wait."""
    rule = rule_of(track.key, rules)
    if track.is_open:
        return _settle_open(track, at, rule)
    if is_confirmed(track.looks, track.since, rule, late_share=rules.late_share):
        return _open(track, at, camera_id, rules)
    if track.misses < rule.hopeless_after:
        return track, None
    return (replace(track, looks=(), misses=0, missed_since=None) if track.event else None), None


def _open(track: Track, at: datetime, camera_id: str, rules: ConfirmRules) -> tuple[Track, EventChange]:
    """A new event, or the ended one going on."""
    if track.event is not None:
        event = _told(replace(track.event, ended_at=None), track)
        return replace(track, event=event), EventChange(ChangeKind.UPDATED, event)
    cell = track.key if track.key.startswith("equipment:") else cell_of(track.xyxy, rules)
    seen = track.gravest
    event = Event(
        id=event_id(camera_id, track.hazard, cell, track.since),
        camera_id=camera_id,
        hazard=track.hazard,
        cell=cell,
        xyxy=track.xyxy,
        first_seen=track.since,
        opened_at=at,
        last_seen=track.last_seen,
        ended_at=None,
        confidence=seen.confidence,
        risk_level=seen.risk_level,
        rule_ids=seen.rule_ids,
        reason=seen.reason,
    )
    return replace(track, event=event), EventChange(ChangeKind.OPENED, event)


def _settle_open(track: Track, at: datetime, rule: Confirmation) -> tuple[Track, EventChange | None]:
    assert track.event is not None
    event, before = _told(track.event, track), track.event.risk_level
    missed_s = (at - track.missed_since).total_seconds() if track.missed_since else 0.0
    if track.misses >= rule.gone_after_looks and missed_s >= rule.gone_after_s:
        event = replace(event, ended_at=track.last_seen)
        ended = replace(track, event=event, looks=(), misses=0, missed_since=None)
        return ended, EventChange(ChangeKind.CLOSED, event)
    risen = event.risk_level is not before
    return replace(track, event=event), EventChange(ChangeKind.UPDATED, event) if risen else None


def _told(event: Event, track: Track) -> Event:
    """The event with what the track knows now; its level only rises."""
    seen = track.gravest
    return replace(
        event,
        xyxy=track.xyxy,
        last_seen=track.last_seen,
        confidence=seen.confidence,
        risk_level=seen.risk_level,
        rule_ids=seen.rule_ids,
        reason=seen.reason,
    )
