# Raw TIFs -> normalised, rotated PNGs, one job per bucket of embryos.
# in:  raw TIFs
# out: images/{bucket}.csv, images/{bucket}/*.png


rule prepare:
    input:
        # None: dates of TIFs may lie in the future, where Snakemake stops, and it looks at every input of every waiting job
        # each time a job ends, which took longer than preparing thousands of TIFs. Their versions are a parameter.
        tifs_of_bucket,
    output:
        table="<results>/images/{bucket}.csv",
        pngs=directory("<results>/images/{bucket}"),
    log:
        "<logs>/prepare/{bucket}.log",
    benchmark:
        "<benchmarks>/prepare/{bucket}.tsv"
    conda:
        "../../envs/images.yaml"
    params:
        code=code_of("prepare.py"),
        rows=rows_of_bucket,
        versions=versions_of_bucket,
        split=split_of_bucket,
        angles=angles_of_bucket,
        image={key: value for key, value in config["image"].items() if key != "angles"},
    message:
        "Preparing the images of bucket {wildcards.bucket}"
    script:
        "../scripts/prepare.py"
