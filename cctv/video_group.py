"""Packets since a key frame, kept until it is known whether the next one comes in time."""

from typing import Any

_MOST_BYTES = 64 << 20  # a recording made up by someone must not fill the memory


class PacketGroup:
    """A key frame and what follows it, in order; nothing of a group that grows too large."""

    def __init__(self) -> None:
        self._packets: list[Any] = []
        self._bytes = 0

    def add(self, packet: Any) -> None:
        """Without the key frame before it a packet is of no use, and is left out."""
        if not self._packets and not packet.is_keyframe or self._bytes + packet.size > _MOST_BYTES:
            self.clear()
            return
        self._packets.append(packet)
        self._bytes += packet.size

    def clear(self) -> None:
        self._packets, self._bytes = [], 0

    def take(self) -> list[Any]:
        """All packets; none is kept."""
        packets = self._packets
        self.clear()
        return packets
