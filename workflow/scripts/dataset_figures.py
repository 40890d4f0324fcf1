from flystage.core.tables import read_text
from flystage.dataset.catalog import read_tables
from flystage.dataset.manifests import PICTURE, read_stages
from flystage.dataset.white import with_white
from flystage.images.preparing import before_and_after
from flystage.raw.naming import picture_name
from flystage.report import figures
from flystage.run.rule_log import rule_log

with rule_log(snakemake.log[0], snakemake.input):
    catalog = read_text(snakemake.input.catalog)
    used = catalog[catalog["status"] == "used"]
    prepared = read_tables(snakemake.input.tables)
    pngs = prepared.merge(used[PICTURE], on=PICTURE)
    stages = read_stages(snakemake.input.stages)
    figures.images_per_stage(used, stages, "raw images used", snakemake.output.before)
    figures.images_per_stage(pngs, stages, "PNGs, with the rotations of the training images", snakemake.output.after)
    trained = used[used["split"] == "train"]
    sample = trained.iloc[len(trained) // 2]
    frame = int(sample["frame"]) if sample["frame"] else None
    image = with_white(snakemake.params.image, snakemake.config)
    angles = sorted({0, *snakemake.params.image["angles"]})
    name = picture_name(sample["path"], frame)
    shown = before_and_after(sample["path"], image, angles, frame)
    figures.sample_before_after(name, *shown, angles, snakemake.output.sample)
