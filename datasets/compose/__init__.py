"""Composed photos: real ones with things set in, drawn in or taken out, where a hazard is made with the untouched photo as negative."""

from firewarden.datasets.compose.plan import ComposePlan, compose_photos

__all__ = ["ComposePlan", "compose_photos"]
