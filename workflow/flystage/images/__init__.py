"""The bytes of a TIF go in; normalised, rotated PNGs and their recorded facts come out, and pictures for the network."""
