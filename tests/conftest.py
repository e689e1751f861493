"""What every test needs: a drawn screen, and torch loaded in the main thread before any window."""

import os
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
if os.environ["QT_QPA_PLATFORM"] == "offscreen":
    # its own screen is 800 × 800, and windows stay inside the screen
    os.environ["QT_QPA_PLATFORM"] += f":configfile={Path(__file__).parent / 'gui' / 'screen.json'}"

import torch

torch.set_num_threads(1)
