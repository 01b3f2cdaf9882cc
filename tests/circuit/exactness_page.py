"""The text of docs/exactness.md, from what became of each row."""

import importlib.metadata

from .exactness import Result
from .exactness_rows import Row

INTRODUCTION = """# What is exact, and what is refused

*Exact* means: the firmware computes, bit for bit, what the QKeras model computes, for every input. What cannot be exact
is *refused*, with the option and the fix in the message, before anything is written. There is no third case.

Below stands every quantizer of qkeras-v3 {version} with its options, as it was found by running QKeras on every word of
an input that covers the quantizer's range, between its steps, on ties, and far past both ends, and comparing with the
integers of the circuit. The same is tried for all widths from 1 to 24 bits. A row that is neither exact nor refused
fails the tests of l1ae. {counts}

How to read the columns:

- **format**: rounding and saturation to an `ap_fixed` type, as hardware does it. **shift**: times a power of two, which
  is wiring. **clip**, **leaky**: a comparison. Inputs of any width.
- **table**: a look-up table of what QKeras gives for each word that can come. The input may have 16 bits, or more when
  QKeras looks at no more of them (l1ae tries every word to find out). Otherwise put a
  `QActivation(quantized_bits(...))` in front.
- **values** (weights): the constants that QKeras multiplies with lie on a grid of at most 24 bits, and are used as they
  are.

What is refused has the number of its message, which stands at the end of the page. What to do:

- **A float scale** (`alpha=0.7`, `alpha='auto'` on weights): firmware would have to multiply by a float. Set `alpha=1`
  or another power of two, or `alpha='auto_po2'` for weights, and train; or convert with `snap_scales=True`, which takes
  the nearest power of two for each scale, says how far a weight moves, and verifies the firmware against the changed
  model. Without `alpha`, QKeras layers set `'auto_po2'` for weights, which is exact.
- **A scale from the data** (`alpha='auto'` or `'auto_po2'` on activations): QKeras takes it from the batch it happens
  to see, so the same event has different results in different batches. No firmware can do that; set `alpha=1`.
- **More than 24 bits**: Keras computes in float32, which holds integers of up to 24 bits. Beyond that QKeras itself
  rounds, and there is nothing to be equal to. The same happens to an input more than 2**24 steps of a quantizer away
  from zero: `Circuit.float32_exact` says which layers Keras computes exactly for every input. The firmware is right.
- **A function without a quantizer** (`tanh`, `sigmoid`, `softmax`, ...): its values are floats. Use the quantized one
  that the message names.
- **TensorFlow does not always give the same** (rows with {star}): `tanh`, logarithms and divisions differ in the last
  bit between `model(x)` and `model.predict(x)`, which compiles the model, and between processors. With few bits that
  vanishes in the rounding. l1ae tries every word in each way, and refuses a table that would depend on it.

Tables follow `qkeras.quantizers.set_internal_sigmoid` as it is set when the model is converted.
"""


STAR = "\\*"


def _shown(row: Row, result: Result) -> str:
    """What the page says; the same on every processor."""
    if not row.fragile or (result.status == "refused" and "TensorFlow" not in result.how):
        return str(result)
    return f"exact{STAR}"


def page(results: dict[str, tuple[Row, Result, Result]]) -> str:
    """The text of docs/exactness.md."""
    shown = {label: (row, _shown(row, first), _shown(row, second)) for label, (row, first, second) in results.items()}
    every = [cell for _, *pair in shown.values() for cell in pair if cell]
    refused = sum(cell.startswith("refused") for cell in every)
    counts = f"Of {len(every)} cases {len(every) - refused} are exact and {refused} refused."
    version = importlib.metadata.version("qkeras-v3")
    lines = [INTRODUCTION.format(version=version, counts=counts, star=STAR)]
    messages = list(dict.fromkeys(cell.removeprefix("refused: ") for cell in every if cell.startswith("refused")))
    functions_title = "Activation functions"
    groups: dict[str, list[tuple[Row, str, str]]] = {}
    for row, activation, weight in shown.values():
        title = row.quantizer.__name__ if row.is_quantizer else functions_title
        groups.setdefault(title, []).append((row, activation, weight))
    for title, members in groups.items():
        columns = (
            ["function", "as activation"] if title == functions_title else ["options", "as activation", "as weight"]
        )
        lines += [f"## {title}", "", f"| {' | '.join(columns)} |", f"|{'---|' * len(columns)}"]
        for row, activation, weight in members:
            label = f"{row.quantizer.__module__.split('.')[0]} {row}" if title == functions_title else row.text
            cells = [f"`{label}`" if label else "none given", _linked(activation, messages), _linked(weight, messages)]
            lines.append(f"| {' | '.join(cells[: len(columns)])} |")
        lines.append("")
    lines += ["## Messages", "", "Each begins with the name of the layer.", ""]
    lines += [f"{number}. {message.replace('<', '&lt;')}" for number, message in enumerate(messages, 1)]
    return "\n".join([*lines, ""])


def _linked(cell: str, messages: list[str]) -> str:
    """A cell with the number of its message."""
    if not cell.startswith("refused"):
        return cell
    return f"refused ([{messages.index(cell.removeprefix('refused: ')) + 1}](#messages))"
