"""Prepare and accompany a run: check the settings and the data, track code versions, lock the results folder, write logs, look
at Slurm's queue and print to the terminal.
"""
