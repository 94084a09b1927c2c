"""`models`: what the registry knows of models, and which one is the default."""

from dataclasses import asdict
from typing import Annotated, Any

import typer

from hyperx_cl.cli.asking import confirm
from hyperx_cl.cli.completion import complete_model
from hyperx_cl.cli.options import Common, Yes, command, group
from hyperx_cl.cli.output import Grid
from hyperx_cl.registry.records import ModelRecord

app = group("models", "The models in the registry.")

Name = Annotated[
    str, typer.Argument(metavar="NAME", help="Name, or first digits of the fingerprint.", autocompletion=complete_model)
]


def list_models(common: Common) -> None:
    """List the models; a star marks the default one."""
    with common.registry(readonly=True) as registry:
        known = registry.list_models()
        counts = {model.name: len(registry.languages(model.name)) for model in known}
    rows = [
        ("*" if m.default else "", m.name, m.backbone["id"], str(counts[m.name]), m.created, m.fingerprint[:12])
        for m in known
    ]
    common.out.result(
        {"models": [_data(model) | {"languages": counts[model.name]} for model in known]},
        ids=[model.name for model in known],
        show=[Grid(("", "name", "backbone", "languages", "created", "fingerprint"), rows)]
        if known
        else ["No model yet: train one with `hyperx-cl train`, or try `hyperx-cl demo`."],
    )


def show(
    common: Common,
    name: Annotated[
        str | None,
        typer.Argument(metavar="[NAME]", help="The default model if left out.", autocompletion=complete_model),
    ] = None,
) -> None:
    """Show a model: where it lies, its backbone, options, tasks and languages."""
    with common.registry(readonly=True) as registry:
        model = registry.model(name)
        languages = [stored.language for stored in registry.languages(model.name)]
    tasks = [f"{task['name']} ({len(task['labels'])} labels)" for task in model.config.get("tasks", [])]
    learnt = [f"{task['name']} ({len(task['labels'])} labels)" for task in model.tasks]
    facts = {
        "name": model.name + (" (default)" if model.default else ""),
        "fingerprint": model.fingerprint,
        "path": model.path,
        **{f"backbone {key}": value for key, value in model.backbone.items()},
        "created": model.created,
        "tasks": ", ".join(tasks),
        "learnt tasks": ", ".join(learnt),
        "base languages": ", ".join(model.config.get("languages", [])),
        "languages": ", ".join(languages),
        **{f"option {key}": str(value) for key, value in model.config.get("model", {}).items()},
    }
    common.out.result(
        {"model": _data(model) | {"config": dict(model.config), "languages": languages}},
        ids=[model.name],
        show=[Grid(("", ""), list(facts.items()))],
    )


def use(common: Common, name: Name) -> None:
    """Make a model the default one."""
    with common.registry() as registry:
        model = registry.use_model(name)
    common.out.result({"model": _data(model)}, ids=[model.name], show=[f"{model.name} is the default model now"])


def remove(
    common: Common,
    name: Name,
    cascade: Annotated[bool, typer.Option("--cascade", help="With every language stored for it.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be removed.")] = False,
    yes: Yes = False,
) -> None:
    """Forget a model; its folder stays where it is."""
    with common.registry(readonly=dry_run) as registry:
        model = registry.model(name)
        languages = [stored.language for stored in registry.languages(model.name)]
        what = f"model {model.name}" + (f" with its languages {', '.join(languages)}" if languages and cascade else "")
        if not dry_run:
            if cascade or not languages:  # else the registry refuses, and there is nothing to ask
                confirm(f"Remove {what} from the registry?", yes=yes)
            model = registry.remove_model(model.name, cascade=cascade)
    told = f"would remove {what}" if dry_run else f"removed {what}; its files are still in {model.path}"
    removed = languages if cascade else []
    common.out.result({"model": _data(model), "languages": removed, "dry_run": dry_run}, ids=[model.name], show=[told])


def _data(model: ModelRecord) -> dict[str, Any]:
    kept = asdict(model)
    del kept["config"]
    return kept


command(app, "list", example="hyperx-cl models list --json")(list_models)
command(app, "show", example="hyperx-cl models show mbert-d32")(show)
command(app, "use", example="hyperx-cl models use mbert-d32")(use)
command(app, "remove", example="hyperx-cl models remove mbert-d32 --cascade --yes")(remove)
