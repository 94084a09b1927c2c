"""A model to and from the Hub, without a registry: what `HyperX.push_to_hub` and `HyperX.from_pretrained` do."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hyperx_cl.errors import NotFoundError, UsageError
from hyperx_cl.languages import canonical
from hyperx_cl.model.backbone import Backbone
from hyperx_cl.share.layout import CONFIG, LANGUAGES, TASKS, WEIGHTS, Place, is_repo_id
from hyperx_cl.share.model_files import base_records, read_model
from hyperx_cl.share.packed import pack_language, unpack_language, unpack_task
from hyperx_cl.share.publish import Published, publish
from hyperx_cl.share.remote import Remote
from hyperx_cl.share.travel import JOINT
from hyperx_cl.share.verify import expect_bounds

if TYPE_CHECKING:
    from hyperx_cl.model.hyperx import HyperX


def push_model(
    model: "HyperX", repo_id: str, *, licence: str, message: str | None, private: bool, token: str | bool | None,
    revision: str | None, create_pr: bool,
) -> Published:  # fmt: skip
    """Push a model with its base languages; languages and tasks learnt since are pushed from a registry.

    Raises:
        UsageError: No licence of its data is named, or that cannot be a repository.
        NetworkError: The Hub cannot be reached, or may not be written to.
        ConflictError: The repository is of another model.
    """
    if not licence.strip():
        raise UsageError("the data that the model was learnt from has a licence: name it with licence=")
    remote = Remote(repo_id, token=token, revision=revision)
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        files = read_model(Path(folder) / CONFIG, Path(folder) / WEIGHTS, "the model", ours=True)
        packed = [pack_language(record, licences=[licence]) for record in base_records(files, "the model")]
        return publish(remote, packed, files, private=private, create_pr=create_pr, message=message)


def load_shared(
    repo_id: str, *, backbone: Backbone | str | None, languages: Sequence[str], revision: str | None,
    token: str | bool | None, cache_dir: str | Path | None, local_files_only: bool,
) -> "HyperX":  # fmt: skip
    """Load a model out of a repository, verified, with some of the languages that are shared there.

    Raises:
        NotFoundError: No such repository, or no model or language in it.
        NetworkError: The Hub cannot be reached, or something is not in the cache.
        DataError: Something is damaged.
    """
    from hyperx_cl.model.storage import load

    if not is_repo_id(repo_id):
        raise NotFoundError(f"There is no model in {repo_id}: it needs {CONFIG} and {WEIGHTS}.")
    remote = Remote(repo_id, revision=revision, token=token, offline=local_files_only, cache_dir=cache_dir)
    head = remote.resolve()
    if not {CONFIG, WEIGHTS} <= set(head.files):
        raise NotFoundError(f"{repo_id} has no model, only languages: load their model and attach them to it")
    files = read_model(remote.file(head, CONFIG), remote.file(head, WEIGHTS), repo_id)
    model = load(files.weights.parent, backbone=backbone)
    index = remote.index(head)
    offered = index.languages()
    for code in map(canonical, languages):
        if code not in offered:
            raise NotFoundError(f"{repo_id} has no language {code!r}: it has {', '.join(offered) or 'none'}")
        row = offered[code][0]
        for place in sorted(index.records):
            if place.kind == TASKS and place.name in row["tasks"] and place.name not in model.tasks:
                task = unpack_task(remote.file(head, place.numbers), remote.note(head, place))
                expect_bounds(task, f"task {place.name} of {repo_id}")
                model.attach_task(task)
        place = Place(LANGUAGES, code, str(row["hash"]))
        record = unpack_language(remote.file(head, place.numbers), remote.note(head, place))
        expect_bounds(record, f"{code} of {repo_id}")
        if record.provenance["method"] != JOINT:
            model.attach(record)
    return model
