"""What every test needs: no screen, and torch loaded in the main thread before any window."""

import os

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import torch

torch.set_num_threads(1)
