"""The library behind the flystage workflow: plain functions over paths, arrays, tables and a few records. It never imports
snakemake.

Its rooms stand here in the order in which data flows. A room imports from those above it, never from one below:
core, raw, images, dataset, network, run, report, evaluation, prediction, training, jobs, cloud.
"""
