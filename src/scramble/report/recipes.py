"""The recipes of a study in words, as the report's table shows them."""

from collections.abc import Iterable, Mapping
from typing import Any

from scramble.params import Augmentation, Recipe
from scramble.report.results import Results


def recipes(results: Results) -> list[tuple[str, str, dict[str, str]]]:
    """(model, permutations, entries), one row where all permutations of a model share recipe and options."""
    rows = []
    for model in results.study.grid.models:
        cells = results.of_model(model)
        said = [entries(cell.recipe) | {"model options": _options(cell.options)} for cell in cells]
        if all(each == said[0] for each in said):
            rows.append((model, "all", said[0]))
        else:
            rows.extend((model, cell.permutation, each) for cell, each in zip(cells, said, strict=True))
    return rows


def _options(options: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {_plain(value)}" for name, value in options.items()) or "none"


def _plain(value: Any) -> str:
    """A value as params.yaml has it."""
    if isinstance(value, list):
        return f"[{', '.join(map(_plain, value))}]"
    return f"{value:g}" if isinstance(value, int | float) and not isinstance(value, bool) else f"{value}"


def entries(recipe: Recipe) -> dict[str, str]:
    """What a recipe says, by the name of the column; every recipe has the same columns."""
    warmup = f", {recipe.warmup_epochs:g} epochs of warm-up" if recipe.warmup_epochs else ""
    return {
        "optimizer": _optimizer(recipe),
        "learning rate": f"{recipe.learning_rate:g}",
        "schedule": recipe.schedule + warmup,
        "batch size": f"{recipe.batch_size}",
        "epochs": f"{recipe.epochs}",
        "precision": recipe.precision.replace("_", " "),
        "weight decay": f"{recipe.weight_decay:g}",
        "label smoothing": f"{recipe.label_smoothing:g}",
        "augmentation": ", ".join(_augmentation(recipe.augmentation)) or "none",
        "weights kept": _weights_kept(recipe),
    }


def _optimizer(recipe: Recipe) -> str:
    name: str = recipe.optimizer
    if recipe.optimizer == "sgd" and recipe.momentum:
        name += f", {'Nesterov ' if recipe.nesterov else ''}momentum {recipe.momentum:g}"
    return name + (f", gradients clipped at {recipe.clip_norm:g}" if recipe.clip_norm else "")


def _augmentation(augmentation: Augmentation) -> Iterable[str]:
    if augmentation.max_shift:
        yield f"shift ±{augmentation.max_shift} px"
    if augmentation.horizontal_flip:
        yield "horizontal flip"
    if augmentation.cutout:
        yield f"cutout {augmentation.cutout} px"
    if augmentation.mixup:
        yield f"mixup {augmentation.mixup:g}"
    if augmentation.cutmix:
        yield f"cutmix {augmentation.cutmix:g}"


def _weights_kept(recipe: Recipe) -> str:
    best = recipe.keep == "best" or recipe.early_stopping is not None
    words = "best epoch" if best else "last epoch"
    if recipe.early_stopping is not None:
        words += f", stops after {recipe.early_stopping.patience} without improvement"
    return words + (f", moving averages ({recipe.ema_decay:g})" if recipe.ema_decay is not None else "")
