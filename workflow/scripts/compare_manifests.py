from flystage.core.tables import write_csv
from flystage.dataset.catalog import read_tables
from flystage.dataset.manifests import read_manifest, write_content
from flystage.evaluation.comparing import manifest_of_images
from flystage.run.rule_log import rule_log

with rule_log(snakemake.log[0], snakemake.input):
    prepared = read_tables(snakemake.input.tables)
    for split in ("train", "val"):
        manifest = manifest_of_images(read_manifest(snakemake.input[split]), prepared, snakemake.params.angles)
        write_csv(manifest, snakemake.output[split])
        write_content(manifest, prepared, snakemake.output[f"{split}_content"])
