"""Write figures (PNG and SVG), pages (HTML) and the last terminal lines of a run from tables and numbers.
This package computes no accuracy.
"""
