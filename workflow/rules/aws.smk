# Delete what a killed run may have left on SageMaker, found by its tag. Runs only on request:
#   snakemake --cores 1 aws_cleanup --configfile mine.yaml
# in:  nothing
# out: nothing


rule aws_cleanup:
    log:
        "<logs>/aws_cleanup.log",
    conda:
        "../../envs/aws.yaml"
    message:
        "Deleting endpoints of this bucket and prefix that were left behind"
    script:
        "../scripts/aws_cleanup.py"
