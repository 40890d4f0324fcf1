from flystage.export.model_zoo import write_package
from flystage.export.onnx_stager import write_onnx
from flystage.network.checkpoint import load_checkpoint
from flystage.run.rule_log import rule_log

with rule_log(snakemake.log[0], snakemake.input):
    checkpoint = load_checkpoint(snakemake.params.checkpoint)
    write_onnx(checkpoint, snakemake.params.views, snakemake.output.graph)
    write_package(checkpoint, snakemake.output.graph, snakemake.output.package)
