from flystage.core.records import read_json
from flystage.network.checkpoint import calibrate_checkpoint, load_checkpoint
from flystage.prediction.likeness import likeness_of_network
from flystage.run.rule_log import rule_log

with rule_log(snakemake.log[0], snakemake.input):
    files, checkpoint = dict(snakemake.input.items()), load_checkpoint(snakemake.input.trained)
    record = read_json(files["crossval"]) if "crossval" in files else None
    likeness = likeness_of_network(checkpoint, files, record, snakemake.params.cache, snakemake.threads)
    calibrate_checkpoint(checkpoint, record, likeness, snakemake.output.checkpoint)
