# The data check, and suggested settings for new folders. Both have no outputs, so they run only on request.
# in:  raw TIFs
# out: check/check.html; findings and warnings on the terminal


rule check:
    log:
        "<logs>/check.log",
    conda:
        "../../envs/report.yaml"
    params:
        code=code_of("check.py"),
        catalog=CATALOG,
        template=template("check"),
        page=f"{config['results']}/check/check.html",
    message:
        "Checking the data set"
    script:
        "../scripts/check.py"


rule suggest:
    log:
        "<logs>/suggest.log",
    conda:
        "../../envs/report.yaml"
    params:
        code=code_of("suggest.py"),
    message:
        "Searching for a pattern in the image names"
    script:
        "../scripts/suggest.py"
