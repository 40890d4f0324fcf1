"""The images found and the facts of their PNGs go in; the split by embryo, the catalog, manifests and split folders come out."""
