// {{ name }}: one event per clock, {{ clocks }} clocks from in_valid to out_valid. Written by l1ae {{ version }}.
//
// in_words: {{ input_bits }} bits, the words of all inputs side by side, the first one in the lowest bits (README.md).
{% if threshold_bits %}
// score is valid with out_valid. trigger: score >= threshold, which is compared in the clock in which the score is
// stored; it is meant to be constant, or to change between events.
{% else %}
// out_words is valid with out_valid: the words of all outputs side by side, the first one in the lowest bits.
{% endif %}
// rst is synchronous and clears the valid bits: events on their way are lost, events after it are not.
`timescale 1ns / 1ps
`default_nettype none

module {{ name }} (
    input wire clk,
    input wire rst,
    input wire in_valid,
    input wire [{{ input_bits - 1 }}:0] in_words,
{% if threshold_bits %}
    input wire [{{ threshold_bits - 1 }}:0] threshold,
    output reg trigger,
{% endif %}
    output reg out_valid,
    output reg [{{ output_bits - 1 }}:0] {{ output_port }}
);
{% for stage in stages %}
    wire [{{ [stage.output_bits, 1] | max - 1 }}:0] stage{{ loop.index }}_out;
{% endfor %}
{% for stage in stages[:-1] %}
    reg [{{ [stage.output_bits, 1] | max - 1 }}:0] register{{ loop.index }};
    reg valid{{ loop.index }};
{% endfor %}

{% for stage in stages %}
    {{ name }}_stage{{ loop.index }} stage{{ loop.index }} (
        .in_bits({{ "in_words" if loop.first else "register" ~ loop.index0 }}),
        .out_bits(stage{{ loop.index }}_out)
    );
{% endfor %}
{% set last_valid = "in_valid" if clocks == 1 else "valid" ~ (clocks - 1) %}
{% if threshold_bits %}

{% if threshold_signed %}
    wire fires = $signed(stage{{ clocks }}_out) >= $signed(threshold);
{% else %}
    wire fires = stage{{ clocks }}_out >= threshold;
{% endif %}
{% endif %}

    always @(posedge clk) begin
{% for stage in stages[:-1] %}
        register{{ loop.index }} <= stage{{ loop.index }}_out;
        valid{{ loop.index }} <= {{ "in_valid" if loop.first else "valid" ~ loop.index0 }} & ~rst;
{% endfor %}
        {{ output_port }} <= stage{{ clocks }}_out;
        out_valid <= {{ last_valid }} & ~rst;
{% if threshold_bits %}
        trigger <= fires & {{ last_valid }} & ~rst;
{% endif %}
    end
endmodule

`default_nettype wire
