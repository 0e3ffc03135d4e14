"""Labelled photos: reading, splitting, checking, composing."""
