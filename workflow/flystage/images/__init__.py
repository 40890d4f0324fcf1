"""Read TIFs, write normalised and rotated PNGs, record facts about them, and prepare pictures for the network."""
