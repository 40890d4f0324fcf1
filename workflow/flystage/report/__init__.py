"""Tables and numbers go in; figures (PNG) and pages (HTML) come out. Nothing is computed here that decides a figure."""
