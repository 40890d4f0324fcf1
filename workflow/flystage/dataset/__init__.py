"""Split embryos, and write the catalog, manifests and split folders from the images found and the facts about their PNGs."""
