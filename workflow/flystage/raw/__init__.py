"""Folders of raw TIFs and the configuration go in; the images found, each with its stage and embryo, come out. No TIF is opened."""
