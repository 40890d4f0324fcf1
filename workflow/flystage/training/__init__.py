"""Vectors or pictures with labels and a recipe go in; a trained head or whole network and its history come out."""
