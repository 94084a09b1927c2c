"""The machine: where a model is put, what memory it takes, and what a result was measured on; no names of hosts."""

import os
import platform
import resource
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any


def describe() -> dict[str, object]:
    """Name the machine in words that help to compare figures."""
    import torch

    gpu = torch.cuda.get_device_name(0) if torch.cuda.is_available() else None
    packages = ("torch", "transformers", "accelerate", "numpy")
    return {
        "processor": _field("/proc/cpuinfo", "model name") or platform.processor(),
        "features": sorted(set((_field("/proc/cpuinfo", "flags") or "").split()) & {"amx_bf16", "avx512_bf16", "avx2"}),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "gpu": gpu,
        "python": platform.python_version(),
        "versions": {name: version(name) for name in packages},
    }


def place(model: Any, precision: str) -> None:
    """Put a model on the GPU if there is one, in the precision that was asked for."""
    from hyperx_cl.model.backbone import fast_dtype
    from hyperx_cl.model.devices import choose_device

    device = choose_device()
    model.place(device, fast_dtype(precision, device))


def peak_memory() -> int:
    """Most memory this process has held, bytes (Linux counts in KiB, macOS in bytes)."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def _field(file: str, name: str) -> str | None:
    try:
        lines = Path(file).read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith(name)), None)
