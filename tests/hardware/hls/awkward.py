"""Small circuits of what a straightforward conversion would get wrong, side by side in one that is compiled once."""

import numpy as np

from l1ae.circuit import (
    UNDECIDED,
    Add,
    Builder,
    Circuit,
    Clip,
    Convolution,
    Dense,
    Dot,
    FixedFormat,
    Input,
    Leaky,
    Lookup,
    MaxPool,
    Multiply,
    Overflow,
    Quantize,
    Rounding,
    Scale,
    Subtract,
    Sum,
    Wire,
)

CONV, RND, TRN = Rounding.RND_CONV, Rounding.RND, Rounding.TRN
SAT, SYM, WRAP = Overflow.SAT, Overflow.SAT_SYM, Overflow.WRAP
RNG = np.random.default_rng(11)


def signed(width, integer, rounding=CONV, overflow=SAT):
    return FixedFormat(True, width, integer, rounding, overflow)


def unsigned(width, integer, rounding=CONV, overflow=SAT):
    return FixedFormat(False, width, integer, rounding, overflow)


class Sketch:
    """A builder with short words for every operation; names begin with that of the sketch."""

    def __init__(self, builder, name):
        self.builder, self.name, self.outputs = builder, name, []

    def _add(self, kind, name, operands, shape, format_, *more):
        return self.builder.add(kind(f"{self.name}{name}", operands, shape, format_, *more)).name

    def out(self, *names):
        self.outputs += names

    def input(self, shape, format_, name="_words"):
        return self._add(Input, name, (), shape, format_)

    def quantize(self, source, format_, name):
        return self._add(Quantize, name, (source,), self.builder.shape(source), format_)

    def dense(self, source, units, name, format_=UNDECIDED, bias=True, kernel=None):
        kernel = RNG.integers(-8, 8, (self.builder.shape(source)[0], units)) if kernel is None else kernel
        more = (RNG.integers(-8, 8, units), signed(4, 2)) if bias else (None, None)
        return self._add(Dense, name, (source,), (units,), format_, kernel, signed(4, 1), *more)

    def pair(self, kind, first, second, name, format_=UNDECIDED):
        shape = (1,) if kind is Dot else self.builder.shape(first)
        return self._add(kind, name, (first, second), shape, format_)

    def wire(self, operands, shape, indices, name):
        return self._add(Wire, name, operands, shape, UNDECIDED, tuple(indices))


def skip_connection(s):
    """What is added again further on is read by a quantizer, by a layer and by the sum."""
    x = s.quantize(s.input((3,), signed(7, 4)), signed(6, 3), "_bits")
    first = s.dense(x, 3, "_first")
    second = s.dense(s.quantize(first, unsigned(5, 3), "_relu"), 3, "_second")
    s.out(s.pair(Add, s.pair(Add, second, first, "_inner"), x, "_sum"))


def read_twice(s):
    """Squares, the dot product of a vector with itself, and wires that take one operand twice."""
    x = s.quantize(s.input((3,), signed(6, 2)), signed(5, 2), "_bits")
    s.out(s.pair(Multiply, x, x, "_squares"), s.pair(Dot, x, x, "_radius"))
    s.out(s.wire((x, x), (4,), (5, 0, -1, 3), "_twice"))


def output_read_inside(s):
    """An output that a quantizer reads, and that quantizer, an output too, read by a third."""
    first = s.dense(s.input((3,), signed(5, 3)), 2, "_first")
    relu = s.quantize(first, unsigned(4, 2), "_relu")
    s.out(first, relu, s.dense(relu, 2, "_second"))


def input_read_everywhere(s):
    """No port quantizer: several layers read the words, which leave as they are and as wires too."""
    words = s.input((3,), signed(6, 3, RND, SYM))
    s.out(s.dense(words, 2, "_dense"), s.quantize(words, signed(4, 2), "_coarse"), words)
    s.out(s.wire((words,), (3, 1), (2, 2, 0), "_turned"), s._add(Sum, "_total", (words,), (1,), UNDECIDED))


def dense_behind_input(s):
    """The port type comes from the input alone; it wraps, and words are cut off."""
    s.out(s.dense(s.input((3,), signed(6, 3, TRN, WRAP)), 2, "_dense", bias=False))


def bare_wire(s):
    s.out(s.wire((s.input((2,), unsigned(5, 2)),), (2,), (1, 0), "_swapped"))


def port_as_output(s):
    """A quantizer of the port's format becomes the port, and a port is no output."""
    words = s.input((2,), signed(6, 3))
    s.out(s.quantize(words, signed(6, 3), "_port"))


def quantizers_in_a_row(s):
    """hls4ml would fuse each into what is in front of it, and keep the last one."""
    words = s.input((4,), signed(9, 4))
    port = s.quantize(words, signed(9, 4), "_port")
    coarse = s.quantize(port, signed(6, 4, RND), "_coarse")
    dense = s.dense(coarse, 3, "_dense")
    fine = s.quantize(s.quantize(dense, signed(8, 4), "_once"), unsigned(4, 3, RND, SYM), "_again")
    s.out(s.quantize(fine, signed(3, 3, TRN), "_thrice"))


def quantizer_of(s):
    """Of wires, of the input in another format, of tables, of a maximum, and of products: each keeps its own."""
    words = s.input((2, 2, 1), signed(6, 3))
    cut = s.quantize(words, signed(4, 3, TRN), "_cut")
    turned = s.quantize(s.wire((cut,), (4,), (3, 2, 1, 0), "_turned"), signed(3, 2), "_turned_bits")
    low = s.builder.ranges[turned].low.min()
    entries = RNG.integers(-30, 30, (4, 8))
    found = s._add(
        Lookup, "_table", (turned,), (4,), signed(6, 3), entries, int(low), s.builder.format(turned).fraction
    )
    s.out(s.quantize(found, signed(4, 2), "_table_bits"))
    pool = s._add(MaxPool, "_pool", (cut,), (1, 1, 1), UNDECIDED, (2, 2, 1), (2, 2), (1, 1), (0, 0))
    s.out(s.quantize(pool, unsigned(2, 2), "_pool_bits"))
    s.out(s.quantize(s.pair(Multiply, words, cut, "_products"), signed(6, 4, RND, WRAP), "_product_bits"))


def nothing_left(s):
    """ap_fixed cannot round words all of whose bits lie below the last one that stays."""
    words = s.input((3,), unsigned(2, 0))
    for index, rounding in enumerate(Rounding):
        s.out(s.quantize(words, signed(3, 4, rounding), f"_coarse_{index}"))
    zero = s.quantize(words, signed(3, 6, TRN), "_zero")
    s.out(s.quantize(s.pair(Multiply, zero, words, "_nothing"), signed(4, 9), "_nothing_bits"))
    both = s.wire((zero, words), (2,), (0, 4), "_both")
    s.out(s.quantize(both, signed(3, 3), "_both_bits"))
    small = s.dense(words, 2, "_small", kernel=np.array([[1, 0], [0, 1], [-1, 0]]), bias=False)
    s.out(s.quantize(small, signed(4, 7, RND), "_small_bits"))
    scaled = s._add(Scale, "_scaled", (words,), (3,), UNDECIDED, (0, 0, 0), (4, 3, 2))
    s.out(s.quantize(scaled, unsigned(4, 6), "_scaled_bits"))
    pruned = s.dense(scaled, 2, "_pruned", kernel=np.array([[7, 0], [7, 0], [7, 0]]), bias=False)
    s.out(s.quantize(pruned, signed(2, 6), "_pruned_bits"))


def images(s):
    """Sums, differences and products of tensors in different formats; windows that overlap and that stand out."""
    x = s.input((2, 3, 2), signed(5, 2))
    coarse = s.quantize(x, unsigned(3, 3), "_coarse")
    total = s.pair(Add, x, coarse, "_sum")
    s.out(s.pair(Subtract, total, x, "_difference"), s.pair(Multiply, total, coarse, "_product"))
    s.out(s._add(MaxPool, "_pool", (x,), (2, 3, 2), UNDECIDED, (2, 3, 2), (2, 2), (1, 1), (1, 0)))
    weights = (RNG.integers(-8, 8, (2, 2, 2, 2)), signed(4, 1), None, None)
    s.out(s._add(Convolution, "_conv", (x,), (2, 2, 2), UNDECIDED, *weights, (2, 3, 2), (1, 2), (1, 1)))


def one_row(s):
    """Convolutions of one row, as those of a Conv1D: causal, with strides, and of one place."""
    x = s.quantize(s.input((1, 5, 2), signed(5, 3)), signed(5, 3), "_bits")
    for index, (window, count, stride, left) in enumerate([(3, 5, 1, 2), (2, 2, 2, 0), (1, 3, 2, 0), (3, 2, 3, 0)]):
        weights = (RNG.integers(-8, 8, (1, window, 2, 3)), signed(4, 1), RNG.integers(-8, 8, 3), signed(4, 2))
        shape = (1, count, 3)
        s.out(s._add(Convolution, f"_{index}", (x,), shape, UNDECIDED, *weights, (1, 5, 2), (1, stride), (0, left)))


def limits(s):
    """Limits finer and coarser than the words, rectifiers, leaky ones, of signed and of unsigned words."""
    for index, format_ in enumerate((signed(6, 3), unsigned(5, 2))):
        words = s.input((3,), format_, f"_words_{index}")
        for number, (low, high, fraction) in enumerate([(0, None, 0), (-5, 9, 4), (None, 1, -1)]):
            clip = s._add(Clip, f"_clip_{index}_{number}", (words,), (3,), UNDECIDED, low, high, fraction)
            s.out(s.quantize(clip, signed(4, 2), f"_bits_{index}_{number}"), clip)
        s.out(s._add(Leaky, f"_leaky_{index}", (words,), (3,), UNDECIDED, 2))


def formats_of_their_own(s):
    """Any node may round and saturate its result, and a quantizer behind it does so again."""
    x = s.quantize(s.input((3,), signed(6, 3)), signed(6, 3), "_bits")
    dense = s.dense(x, 2, "_dense", format_=signed(5, 3, RND))
    s.out(s.quantize(dense, unsigned(3, 2), "_relu"), s.dense(dense, 1, "_next"))
    s.out(s.pair(Add, x, x, "_sum", format_=signed(4, 3, TRN, WRAP)))
    s.out(s.pair(Dot, x, x, "_dot", format_=unsigned(5, 4)))


def constants(s):
    """Layers that are always zero, wires to nothing, a word that scaling makes a constant, and what nothing reads."""
    words = s.input((2,), signed(5, 3))
    dead = s.dense(words, 2, "_dead", kernel=np.zeros((2, 2), dtype=int), bias=False)
    zeros = s.wire((words,), (2,), (-1, 1), "_zeros")
    scaled = s._add(Scale, "_scaled", (zeros,), (2,), UNDECIDED, (0, 3), (5, 1))
    s.out(s.pair(Add, s.quantize(dead, unsigned(4, 2), "_dead_bits"), scaled, "_sum"))
    s.out(s.quantize(s.pair(Multiply, zeros, zeros, "_squares"), signed(5, 3), "_square_bits"))
    s.dense(s.quantize(words, signed(3, 2), "_unread_bits"), 1, "_unread")
    s.input((2,), unsigned(3, 1), "_unread_words")


def wide(s):
    """A sum of more bits than float32 holds."""
    x = s.input((2,), signed(20, 4))
    product = s.pair(Multiply, x, s.wire((x,), (2,), (1, 0), "_turned"), "_product")
    s.out(s._add(Sum, "_sum", (product,), (1,), UNDECIDED))


SKETCHES = (
    skip_connection,
    read_twice,
    output_read_inside,
    input_read_everywhere,
    dense_behind_input,
    bare_wire,
    port_as_output,
    quantizers_in_a_row,
    quantizer_of,
    nothing_left,
    images,
    one_row,
    limits,
    formats_of_their_own,
    constants,
    wide,
)


def all_together(sketches=SKETCHES):
    """One circuit with an input and some outputs for each sketch."""
    builder, outputs = Builder(), []
    for draw in sketches:
        sketch = Sketch(builder, draw.__name__)
        draw(sketch)
        outputs += sketch.outputs
    return Circuit(tuple(builder.nodes.values()), tuple(outputs))
