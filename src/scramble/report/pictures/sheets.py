"""The image sheets of the page, each with what it shows in words."""

from collections.abc import Mapping

from scramble.artifacts import read_picture
from scramble.figures.attention import Attention, attention
from scramble.figures.filters import FirstLayer, feature_maps, filters
from scramble.figures.handmade_filters import FILTERS
from scramble.figures.handmade_filters import handmade_filters as draw_handmade_filters
from scramble.figures.mistakes import Mistakes
from scramble.figures.mistakes import mistakes as draw_mistakes
from scramble.figures.raster import png
from scramble.paths import StudyPaths
from scramble.report.analysis import Analysis
from scramble.report.drawn import Sheet
from scramble.report.examples import View
from scramble.report.numbers import plain
from scramble.report.results import Results
from scramble.report.words import describe_permutation, listed


def samples(results: Results) -> Sheet:
    return Sheet(
        read_picture(StudyPaths(results.study.study).samples),
        f"Sample images of the data set {results.info.name}, some of every class",
        f"Samples of {results.info.name}.",
    )


def before_after(analysis: Analysis, permutation: str) -> Sheet:
    study = analysis.results.study
    return Sheet(
        read_picture(StudyPaths(study.study).permutation(permutation) / "before_after.png"),
        f"Training images, natural and below them permuted by {permutation}",
        f"{permutation}: {describe_permutation(study.permutations[permutation])}",
    )


def shown_permutations(results: Results) -> list[str]:
    """The permutations that examples are shown of: the natural one and that of the answer."""
    study = results.study
    return [name for name in (study.natural, study.headline) if name is not None]


def mistakes(analysis: Analysis, model: str) -> Sheet | None:
    """The most confident mistakes; None where there is none."""
    results = analysis.results
    rows = {name: results.mistakes[model, name] for name in shown_permutations(results)}
    rows = {name: found for name, found in rows.items() if len(found.images)}
    if not rows:
        return None
    drawn = {
        name: Mistakes(found.images, found.actual, found.predicted, found.confidence) for name, found in rows.items()
    }
    names = results.info.class_names
    first = "; ".join(
        f"{name}: {names[found.actual[0]]} taken for {names[found.predicted[0]]}, {found.confidence[0]:.0%} sure"
        for name, found in rows.items()
    )
    return Sheet(
        png(draw_mistakes(drawn, names)),
        f"Test images that {model} was most sure of and wrong about. The first under {first}",
        f"The most confident mistakes of {model}, over all replicates: natural pictures, though the network saw them "
        "permuted.",
    )


# --- what the networks look at --------------------------------------------------------------------------------


def handmade_filters(analysis: Analysis) -> Sheet | None:
    """The lecture's filters on a natural and a permuted image; None where no network convolves."""
    views = analysis.results.views
    if not views:
        return None
    model = next(iter(views))[0]
    seen = {name: view for (of, name), view in views.items() if of == model}
    return Sheet(
        png(draw_handmade_filters({name: view.inputs[0] for name, view in seen.items()})),
        f"A test image, and what {listed(list(FILTERS))} make of it: {listed(list(seen))}",
        "What a convolution by hand-made filters says of an image. It compares neighbours, which scrambling parts.",
    )


def inside(analysis: Analysis, model: str) -> list[Sheet]:
    """The first layer and the attention of a model with convolutions."""
    results = analysis.results
    views = {name: view for (of, name), view in results.views.items() if of == model}
    layers = {name: _first_layer(view, results.view_numbers[model, name]) for name, view in views.items()}
    trained = listed(list(views))
    said = ", ".join(f"{name} {plain(layer.morans_i)}" for name, layer in layers.items())
    return [
        Sheet(
            png(filters(layers)),
            f"First-layer filters of {model}, trained on {trained}. Moran's I: {said}",
            f"What the first layer of {model} has learned: mid-grey is a weight of 0.",
        ),
        Sheet(
            png(feature_maps(layers)),
            f"A test image as {model} sees it, and its feature maps of the first layer: {trained}",
            f"What the first layer of {model} makes of one image.",
        ),
        _attention(results, model, views),
    ]


def _first_layer(view: View, numbers: Mapping[str, float | None]) -> FirstLayer:
    return FirstLayer(
        view.filters,
        view.inputs[0],
        view.feature_maps[0],
        numbers["filters_morans_i"],
        numbers["untrained_filters_morans_i"],
    )


def _attention(results: Results, model: str, views: Mapping[str, View]) -> Sheet:
    names = results.info.class_names
    networks = {
        name: Attention(view.attention, view.attention_random, [names[label] for label in view.predicted])
        for name, view in views.items()
    }
    first = next(iter(views.values()))
    similar = ", ".join(f"{name} {plain(results.view_numbers[model, name]['attention_similarity'])}" for name in views)
    return Sheet(
        png(attention(first.pictures, [names[label] for label in first.labels], networks)),
        f"Natural test images and where {model} looks in them, trained on {listed(list(views))}, and with random "
        f"weights. Rank correlation of trained and random: {similar}",
        f"Where {model} looks: Grad-CAM of the answer it gives, carried back into the natural picture; below each row "
        "the same with random weights.",
    )
