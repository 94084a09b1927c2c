"""Which stored languages are near a vector: cosine over the embeddings of one model, by brute force."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session

from hyperx_cl.errors import UsageError
from hyperx_cl.registry import versions
from hyperx_cl.registry.records import Neighbour
from hyperx_cl.registry.tables import LanguageRow, ModelRow, VersionRow


def near(session: Session, wanted: str | ArrayLike, model: ModelRow, k: int) -> list[Neighbour]:
    """The k current versions of a model whose embeddings are nearest to a language or to a vector (d,)."""
    if k < 1:
        raise UsageError(f"at least one neighbour has to be asked for, not {k}")
    code, vector = _vector(session, wanted, model)
    fits = (LanguageRow.model_id == model.id) & (LanguageRow.current == VersionRow.number)
    chosen = select(LanguageRow.code, VersionRow.number, VersionRow.embedding).join(VersionRow.language)
    rows = session.execute(chosen.where(fits, LanguageRow.code != code)).all()
    if not rows:
        return []
    stored = [np.frombuffer(embedding, dtype="<f4") for _, _, embedding in rows]
    if any(other.shape != vector.shape for other in stored):
        raise UsageError(
            f"the languages of model {model.name!r} have {stored[0].size} numbers, not {vector.size}: "
            "give a vector of this model"
        )
    cosines = _cosines(np.stack(stored), vector)
    order = sorted(range(len(rows)), key=lambda i: (-cosines[i], rows[i][0]))[:k]
    return [Neighbour(rows[i][0], rows[i][1], float(cosines[i])) for i in order]


def _vector(session: Session, wanted: str | ArrayLike, model: ModelRow) -> tuple[str, NDArray[np.float32]]:
    """A language's code and embedding; no code for a bare vector."""
    if isinstance(wanted, str):
        row = versions.find(session, wanted, model, None)
        return row.language.code, np.frombuffer(row.embedding, dtype="<f4")
    return "", np.asarray(wanted, dtype=np.float32)


def _cosines(stored: NDArray[np.float32], vector: NDArray[np.float32]) -> NDArray[np.float64]:
    """Cosines (n,) of n stored embeddings (n, d) with a vector (d,); 0 where a length is 0."""
    wide, other = stored.astype(np.float64), vector.astype(np.float64)
    lengths = np.linalg.norm(wide, axis=1) * np.linalg.norm(other)
    cosines: NDArray[np.float64] = np.zeros(len(stored))
    np.divide(wide @ other, lengths, out=cosines, where=lengths > 0)
    return cosines
