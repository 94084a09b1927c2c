"""Names of files that every system can have: some codes of languages are names of devices on Windows.

``aux`` (Aurá), ``con`` (Cofán), ``nul`` (Nusa Laut) and ``prn`` (Prasuni) are codes of ISO 639-3.
"""

_DEVICES = {"aux", "con", "nul", "prn", *(f"{port}{number}" for port in ("com", "lpt") for number in range(1, 10))}


def is_device(name: str) -> bool:
    """Whether Windows takes a name for a device, whatever ends it, or would take off its end.

    >>> is_device("con"), is_device("NUL.txt"), is_device("end."), is_device("cone")
    (True, True, True, False)
    """
    return name.partition(".")[0].lower() in _DEVICES or name.endswith((".", " "))


def of_code(code: str) -> str:
    """How a language's files and folders are called: as its code, with a ``_`` behind where that names a device.

    >>> of_code("mt"), of_code("con")
    ('mt', 'con_')
    """
    return f"{code}_" if is_device(code) else code


def to_code(name: str) -> str:
    """The code that a file or folder is called after.

    >>> to_code("mt"), to_code("con_"), to_code("con")
    ('mt', 'con', 'con')
    """
    bare = name.removesuffix("_")
    return bare if is_device(bare) else name
