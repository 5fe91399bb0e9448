"""The device that a run trains on."""

from __future__ import annotations


def choose_device(device: str) -> tuple[str, str]:
    """(torch's name, in words). "auto" takes a GPU when there is one.

    "cuda" without a GPU is a ValueError with a sentence: no run moves to the CPU silently.
    """
    import torch

    available = torch.cuda.is_available()
    if device == "cuda" and not available:
        raise ValueError('device "cuda" was asked for, but this machine shows no GPU: choose "auto" or "cpu"')
    if device != "cpu" and available:
        return "cuda", f"GPU ({torch.cuda.get_device_name()})"
    threads = torch.get_num_threads()
    return "cpu", f"CPU ({threads} thread{'s' if threads > 1 else ''})"
