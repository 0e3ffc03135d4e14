"""Fixed cameras: from frames to events, one for each happening. Video is decoded in processes of its own."""
