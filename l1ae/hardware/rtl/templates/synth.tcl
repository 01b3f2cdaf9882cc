# Out-of-context synthesis of {{ name }} with Vivado, and place and route unless told not to. Written by l1ae {{ version }}.
#
#   vivado -mode batch -source synth.tcl                       everything, for {{ record.part }}
#   vivado -mode batch -source synth.tcl -tclargs PART         another part
#   vivado -mode batch -source synth.tcl -tclargs PART synth   synthesis only
#
# Reports and checkpoints go to vivado/ beside this file.
set part {{ record.part }}
set steps all
if {$argc > 0} { set part [lindex $argv 0] }
if {$argc > 1} { set steps [lindex $argv 1] }

set here [file dirname [file normalize [info script]]]
set out [file join $here vivado]
file mkdir $out

read_verilog [list \
{% for source in record.sources %}
    [file join $here {{ source }}] \
{% endfor %}
]
read_xdc -mode out_of_context [file join $here constraints/{{ name }}.xdc]

synth_design -top {{ name }} -part $part -mode out_of_context -flatten_hierarchy rebuilt
write_checkpoint -force [file join $out {{ name }}_synth.dcp]
report_utilization -file [file join $out {{ name }}_utilization_synth.rpt]
report_utilization -hierarchical -file [file join $out {{ name }}_utilization_hierarchical_synth.rpt]
report_timing_summary -file [file join $out {{ name }}_timing_synth.rpt]

if {$steps ne "synth"} {
    opt_design
    place_design
    phys_opt_design
    route_design
    write_checkpoint -force [file join $out {{ name }}_routed.dcp]
    report_utilization -file [file join $out {{ name }}_utilization_placed.rpt]
    report_utilization -hierarchical -file [file join $out {{ name }}_utilization_hierarchical_placed.rpt]
    report_timing_summary -file [file join $out {{ name }}_timing_routed.rpt]
}
