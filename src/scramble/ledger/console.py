"""The ledger of a model as plain text: totals, then a table of its layers."""

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from scramble.ledger.contents import LayerRow, Ledger

WIDEST = 240
"""More characters than any table has: where nobody looks at a terminal, nothing is wrapped."""

COLUMNS = (
    *("layer", "kind", "kernel", "strides", "padding", "output"),
    *("parameters", "connections", "multiply-\naccumulates", "receptive\nfield", "depth"),
)
WORDS = {"layer", "kind", "padding"}


def show(ledger: Ledger, title: str) -> None:
    """Prints a ledger under a title, for people: unlike ledger.json, it may look different in the next version."""
    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console.width = WIDEST
    console.print(title)
    console.print(_totals(ledger))
    console.print()
    console.print(_layers(ledger.layers))


def _totals(ledger: Ledger) -> Table:
    table = Table.grid("", "", padding=(0, 2))
    places = ledger.parameters_in
    first = ledger.first_layer
    with_map = any(row.receptive_field for row in ledger.layers)
    rows = {
        "trainable parameters": f"{ledger.trainable_parameters:,}",
        "  in convolutions": _share(places.convolution, ledger),
        "  in dense layers": _share(places.dense, ledger),
        "  in normalisations": _share(places.normalisation, ledger),
        "  elsewhere": _share(places.other, ledger),
        "all parameters": f"{ledger.total_parameters:,}, with moving statistics",
        "multiply-accumulates": f"{ledger.macs:,} per image, from the image to the logits",
        "activations": f"{ledger.activation_bytes:,} bytes per image: all layers' outputs in float32",
        "connections": f"{ledger.connections:,}",
        "sharing factor": f"{ledger.sharing_factor:,.2f} connections per parameter",
        "receptive field": f"{_size(ledger.receptive_field)} pixels, {'at the last map' if with_map else 'the image'}",
        "depth": f"{ledger.depth} layers with weights, one after another",
        "first layer": f"{first.parameters:,} parameters for {first.units:,} units",
        "  fully connected": f"{first.dense_parameters:,}: {first.dense_weights_per_unit:,} weights and a bias each",
    }
    for name, value in rows.items():
        table.add_row(name, value)
    return table


def _share(parameters: int, ledger: Ledger) -> str:
    return f"{parameters:,} ({parameters / ledger.trainable_parameters:.1%})"


def _layers(rows: tuple[LayerRow, ...]) -> Table:
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, collapse_padding=True)
    for name in COLUMNS:
        table.add_column(name, justify="left" if name in WORDS else "right")
    for row in rows:
        table.add_row(
            row.name,
            row.kind,
            _size(row.kernel_size),
            _size(row.strides),
            row.padding,
            _size(row.output_shape),
            _number(row.parameters),
            _number(row.connections),
            _number(row.macs),
            _size(row.receptive_field) or "image",
            str(row.depth),
        )
    return table


def _size(sizes: tuple[int, ...] | None) -> str:
    return "x".join(map(str, sizes or ()))


def _number(number: int) -> str:
    """Nothing for 0, so that the eye finds the layers that cost."""
    return f"{number:,}" if number else ""
