"""All that a repository may be made bad by, a case each."""

from tests.hostile import bad_json, bad_names, bad_numbers
from tests.hostile.attack import Attack


def corpus() -> list[Attack]:
    """Every attack once, by name."""
    found: dict[str, Attack] = {}
    for attack in (*bad_json.attacks(), *bad_numbers.attacks(), *bad_names.attacks()):
        assert attack.name not in found, attack.name
        found[attack.name] = attack
    return list(found.values())
