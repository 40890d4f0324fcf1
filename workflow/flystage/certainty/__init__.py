"""How sure a network may be of itself.

Out-of-fold answers of whole embryos go in; a temperature, sets of stages and intervals of time come out, with what they promise.
"""
