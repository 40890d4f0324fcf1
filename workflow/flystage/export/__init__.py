"""Taking the network elsewhere.

In goes a checkpoint; out come files that other programs run: an ONNX graph, and a package for the BioImage Model Zoo.
"""
