"""Names that a top module may have in Verilog and in VHDL."""

import re

from l1ae.errors import ConversionError

_IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_VERILOG = """
always and assign automatic begin buf bufif0 bufif1 case casex casez cell cmos config deassign default defparam design
disable edge else end endcase endconfig endfunction endgenerate endmodule endprimitive endspecify endtable endtask
event for force forever fork function generate genvar highz0 highz1 if ifnone incdir include initial inout input
instance integer join large liblist library localparam macromodule medium module nand negedge nmos nor noshowcancelled
not notif0 notif1 or output parameter pmos posedge primitive pull0 pull1 pulldown pullup pulsestyle_onevent
pulsestyle_ondetect rcmos real realtime reg release repeat rnmos rpmos rtran rtranif0 rtranif1 scalared showcancelled
signed small specify specparam strong0 strong1 supply0 supply1 table task time tran tranif0 tranif1 tri tri0 tri1
triand trior trireg unsigned use uwire vectored wait wand weak0 weak1 while wire wor xnor xor
bit bool byte class const int interface logic package program string struct this union var void
"""
_VHDL = """
abs access after alias all and architecture array assert attribute begin block body buffer bus case component
configuration constant disconnect downto else elsif end entity exit file for function generate generic group guarded if
impure in inertial inout is label library linkage literal loop map mod nand new next nor not null of on open or others
out package port postponed procedure process protected pure range record register reject rem report return rol ror
select severity signal shared sla sll sra srl subtype then to transport type unaffected units until use variable wait
when while with xnor xor work ieee std
"""
#: Ports of the top module, which cannot be its name as well.
_PORTS = "clk rst in_valid in_words threshold out_valid out_words score trigger"
_RESERVED = frozenset(_VERILOG.split()) | frozenset(_VHDL.split()) | frozenset(_PORTS.split())


def check_name(name: str) -> None:
    """Raise `ConversionError` when a top module cannot be called so."""
    if not _IDENTIFIER.fullmatch(name) or name.lower() in _RESERVED:
        raise ConversionError(
            f"name {name!r} of the top module: take letters, digits and _, and no word of Verilog or VHDL"
        )


def vhdl_name(name: str) -> str:
    """The name of the entity: VHDL allows neither two _ beside each other nor one at the end."""
    return re.sub("_+", "_", name).rstrip("_")


def top_name(name: str) -> str:
    """A name for the top module as near as possible to the name of a project, which may be a word of Verilog."""
    try:
        check_name(name)
    except ConversionError:
        name = f"{name}_model"
        check_name(name)
    return name
