"""Batches: many pictures from folders, archives, manifests and object stores, one row each, resumable."""
