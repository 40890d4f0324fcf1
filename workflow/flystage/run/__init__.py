"""What surrounds a run: the configuration goes in, checked settings come out; code versions, locks, log files, Slurm's
queue, and what the terminal says meanwhile.
"""
