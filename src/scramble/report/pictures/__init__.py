"""Every picture of the page, drawn from the numbers. Whoever imports this waits for matplotlib."""

from scramble.report.analysis import Analysis
from scramble.report.drawn import Pictures
from scramble.report.pictures import charts, sheets


def draw(analysis: Analysis) -> Pictures:
    """Draws all of them: the same bytes for the same analysis and files."""
    models = analysis.results.study.grid.models
    convolving = {model for model, _ in analysis.results.views}
    curves, prices = charts.structure(analysis), charts.prices(analysis)
    return Pictures(
        main=curves or prices,
        main_png=charts.main(analysis),
        prices=prices if curves else None,
        neighbours=charts.neighbours(analysis),
        before_after=[sheets.before_after(analysis, name) for name in analysis.results.study.scrambled],
        handmade_filters=sheets.handmade_filters(analysis),
        transfer=[charts.transfer(analysis, model) for model in models],
        searches=charts.searches(analysis),
        learning_curves={model: charts.learning_curves(analysis, model) for model in models},
        confusion={model: charts.confusion(analysis, model) for model in models},
        reliability={model: charts.reliability(analysis, model) for model in models},
        mistakes={model: sheets.mistakes(analysis, model) for model in models},
        inside={model: sheets.inside(analysis, model) for model in models if model in convolving},
        receptive_fields=charts.receptive_fields(analysis.results),
        samples=sheets.samples(analysis.results),
    )
