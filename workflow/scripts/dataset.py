from flystage import dataset
from flystage.rulelog import rule_log
from flystage.splitting import extend_lock
from flystage.tables import write_csv

with rule_log(snakemake.log[0]):
    prepared = dataset.read_tables(snakemake.input.tables)
    catalog = dataset.build_catalog(prepared, snakemake.params.set_aside)
    dataset.check_catalog(catalog, snakemake.params.max_bad)
    manifests, stages = dataset.build_manifests(prepared, catalog)
    dataset.link_split_folders(manifests, snakemake.output.split)
    for split, manifest in manifests.items():
        write_csv(manifest, snakemake.output[split])
    write_csv(stages, snakemake.output.stages)
    write_csv(catalog, snakemake.output.catalog)
    extend_lock(snakemake.params.lock, dict(zip(prepared["embryo"], prepared["split"], strict=True)))
