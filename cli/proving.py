"""The proof that nothing else has changed, as commands demand, say and keep it."""

from typing import TYPE_CHECKING, Any

from hyperx_cl.errors import HyperXError

if TYPE_CHECKING:
    from hyperx_cl.train.proof import Proof


def expect_proof(proof: "Proof") -> None:
    """Refuse to store what has changed anything else.

    Raises:
        HyperXError: It has.
    """
    if not proof.holds:
        raise HyperXError("; ".join(proof_lines(proof)) + ": nothing was stored, please report this")


def proof_lines(proof: "Proof") -> list[str]:
    """What a command says to prove that nothing else has changed."""
    same = "unchanged" if proof.before == proof.after else f"CHANGED to {proof.after}"
    probe = "bit-identical" if proof.probe else "NOT identical"
    return [
        f"hash of {proof.covers}: {proof.before}, afterwards {same}",
        f"logits of {proof.languages} other languages on a fixed probe: {probe}",
    ]


def proof_data(proof: "Proof") -> dict[str, Any]:
    """The same for JSON and the registry."""
    return {"before": proof.before, "after": proof.after, "probe": proof.probe, "holds": proof.holds}
