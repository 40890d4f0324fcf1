# Raw TIFs -> normalised, rotated PNGs, one job per bucket of embryos.
# in:  raw TIFs
# out: images/{bucket}.csv, images/{bucket}/*.png


rule prepare:
    input:
        # Returns []. TIFs are not inputs, because Snakemake stops at dates in the future. It also checks every input of every
        # waiting job after each job, which took longer than preparing thousands of TIFs. `versions` tracks them instead.
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
