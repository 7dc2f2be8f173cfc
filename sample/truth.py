"""What is true of the company."""

from pathlib import Path


def write_truth(con, folder, asof, draws):
    folder.mkdir(parents=True)
