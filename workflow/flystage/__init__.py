"""The library behind the flystage workflow: plain functions over paths, arrays and tables. It never imports snakemake."""
