"""Export a checkpoint for other programs: as an ONNX graph, or as a package for the BioImage Model Zoo."""
