"""One thread a process: two spin at barriers on a busy machine, and change the last bits of every result."""

import os

os.environ["OMP_NUM_THREADS"] = "1"
os.environ["PYGAME_HIDE_SUPPORT_PROMPT"] = "1"

import torch

torch.set_num_threads(1)
