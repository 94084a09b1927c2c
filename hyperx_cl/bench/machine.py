"""What a result was measured on: processor, threads, memory and versions; no names of hosts or people."""

import os
import platform
from importlib.metadata import version
from pathlib import Path


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


def _field(file: str, name: str) -> str | None:
    try:
        lines = Path(file).read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith(name)), None)
