"""Photos that bear no edit of some kind, by stem, where their labels do not tell: found by looking at what was made of them."""

OPEN_DOORWAYS = frozenset({"koy_31", "koy_36", "lo_0029"})  # a lock would hang in the air
NO_FLOOR = frozenset({"lo_0008"})  # a blurred wall from near by, tagged as a corridor
