"""Tables and numbers go in; figures (PNG), pages (HTML) and the last words of a run come out.
Nothing is computed here that decides a figure.
"""
