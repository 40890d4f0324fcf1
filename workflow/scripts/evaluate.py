from flystage.core.records import write_json
from flystage.core.tables import write_csv
from flystage.dataset.manifests import read_manifest
from flystage.evaluation.metrics import predictions_table
from flystage.network.checkpoint import load_checkpoint, stages_of
from flystage.prediction.inference import answers_of
from flystage.prediction.occlusion import occlusion
from flystage.run.rule_log import rule_log

with rule_log(snakemake.log[0], snakemake.input):
    checkpoint = load_checkpoint(snakemake.input.checkpoint)
    manifest = read_manifest(snakemake.input.manifest)
    params = snakemake.params
    embryos = manifest["embryo"].tolist() if params.adapt else None
    pngs = manifest["png"].tolist()
    answers = answers_of(checkpoint, pngs, params.cache, snakemake.threads, params.views, embryos)
    table = predictions_table(manifest, answers.probabilities, stages_of(checkpoint))
    write_csv(table, snakemake.output.predictions)
    if "alone" in snakemake.output.keys():  # noqa: SIM118  (Snakemake's outputs are not a dict)
        write_csv(predictions_table(manifest, answers.alone, stages_of(checkpoint)), snakemake.output.alone)
    if "occlusion" in snakemake.output.keys():  # noqa: SIM118  (Snakemake's outputs are not a dict)
        looked = occlusion(checkpoint, table, pngs, params.cache, snakemake.threads)
        write_json(looked, snakemake.output.occlusion)
