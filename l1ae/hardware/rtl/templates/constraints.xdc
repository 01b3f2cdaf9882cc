# {{ name }} out of context at {{ "%g" | format(clock_mhz) }} MHz. Written by l1ae {{ version }}.
create_clock -name clk -period {{ "%.4f" | format(clock_ns) }} [get_ports clk]

# The paths to and from the ports are those of the design around it; here each side gets a fifth of the period, so that
# what lies between the ports and the registers is timed as well.
set_input_delay -clock clk {{ "%.4f" | format(clock_ns / 5) }} [get_ports {rst in_valid in_words[*]}]
set_output_delay -clock clk {{ "%.4f" | format(clock_ns / 5) }} [all_outputs]
{% if threshold_bits %}

# Set by slow control and constant while events are taken; remove this line if it changes from event to event.
set_false_path -from [get_ports threshold[*]]
{% endif %}
