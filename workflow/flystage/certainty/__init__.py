"""Calibrate probabilities, and compute prediction sets and time intervals with their promises.

All of them come from out-of-fold probabilities of whole embryos.
"""
