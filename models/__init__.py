"""Model folders and their manifests."""
