"""Fixed cameras: from frames to events, one for each happening. No video decoding here."""
