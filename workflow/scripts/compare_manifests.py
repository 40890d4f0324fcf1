from flystage.comparing import manifest_of_images
from flystage.dataset import read_tables
from flystage.rulelog import rule_log
from flystage.tables import read_manifest, write_csv

with rule_log(snakemake.log[0]):
    prepared = read_tables(snakemake.input.tables)
    for split in ("train", "val"):
        manifest = manifest_of_images(read_manifest(snakemake.input[split]), prepared, snakemake.params.angles)
        write_csv(manifest, snakemake.output[split])
