from flystage.core.tables import write_csv
from flystage.dataset.catalog import build_catalog, check_catalog, read_tables
from flystage.dataset.manifests import build_manifests, link_split_folders, write_content
from flystage.dataset.splitting import extend_lock
from flystage.run.rule_log import rule_log

with rule_log(snakemake.log[0], snakemake.input):
    prepared = read_tables(snakemake.input.tables)
    catalog = build_catalog(prepared, snakemake.params.set_aside, snakemake.params.origins)
    check_catalog(catalog, snakemake.params.max_bad)
    manifests, stages = build_manifests(prepared, catalog, snakemake.params.wanted_stages, snakemake.params.time_unit)
    link_split_folders(manifests, snakemake.output.split)
    for split, manifest in manifests.items():
        write_csv(manifest, snakemake.output[split])
        write_content(manifest, prepared, snakemake.output[f"{split}_content"])
    write_csv(stages, snakemake.output.stages)
    write_csv(catalog, snakemake.output.catalog)
    extend_lock(snakemake.params.lock, dict(zip(prepared["embryo"], prepared["split"], strict=True)))
