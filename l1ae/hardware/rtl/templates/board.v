// An example of {{ name }} on a Level-1 board: words of links in, a decision per bunch crossing out.
//
// Each of LINKS links brings FRAMES frames of FRAME_BITS bits per bunch crossing, one per clock, all links in step.
// link_start marks the first frame of a crossing; bx_in (its number in the orbit) and bc0_in (first of the orbit) come
// with it. Frame f of link l holds the bits (l*FRAMES + f)*FRAME_BITS and up of in_words; what is left over is ignored.
// A crossing whose frames are interrupted, by link_valid or by an early link_start, gives no decision and raises
// incomplete for a clock. The decision of a crossing, with its number, comes LATENCY + 1 clocks after its last frame.
`timescale 1ns / 1ps
`default_nettype none

module {{ name }}_board #(
    parameter FRAME_BITS = {{ frame_bits }},
    parameter FRAMES = {{ frames }},  // {{ "%g" | format(clock_mhz) }} MHz: {{ frames }} clocks of a crossing of 25 ns
    parameter LINKS = ({{ input_bits }} + FRAME_BITS*FRAMES - 1) / (FRAME_BITS*FRAMES)
) (
    input wire clk,
    input wire rst,
    input wire link_valid,
    input wire link_start,
    input wire [LINKS*FRAME_BITS-1:0] link_data,
    input wire [11:0] bx_in,
    input wire bc0_in,
{% if threshold_bits %}
    input wire [{{ threshold_bits - 1 }}:0] threshold,
    output wire trigger,
{% endif %}
    output wire out_valid,
    output wire [{{ output_bits - 1 }}:0] {{ output_port }},
    output wire [11:0] bx_out,
    output wire bc0_out,
    output reg incomplete
);
    localparam LATENCY = {{ clocks }};

    // The frames of one crossing; the frame that comes now goes to place `frame`.
    // verilator lint_off UNUSEDSIGNAL
    reg [LINKS*FRAMES*FRAME_BITS-1:0] collected;
    // verilator lint_on UNUSEDSIGNAL
    reg [7:0] expected;  // next frame of the crossing on its way; 0: waiting for link_start
    reg complete;
    reg [11:0] bx_now;
    reg bc0_now;
    wire [7:0] frame = link_start ? 8'd0 : expected;
    wire accepted = link_valid & (link_start | (expected != 8'd0));
    wire last = accepted & ({24'd0, frame} == FRAMES - 1);
    integer link;

    always @(posedge clk) begin
        complete <= last & ~rst;
        incomplete <= (expected != 8'd0) & (~link_valid | link_start) & ~rst;
        if (rst | ~link_valid | last) expected <= 8'd0;
        else if (accepted) expected <= frame + 8'd1;
        if (accepted)
            for (link = 0; link < LINKS; link = link + 1)
                collected[(link*FRAMES + {24'd0, frame})*FRAME_BITS +: FRAME_BITS] <= link_data[link*FRAME_BITS +: FRAME_BITS];
        if (link_valid & link_start) begin
            bx_now <= bx_in;
            bc0_now <= bc0_in;
        end
    end

    // The core takes an event in any clock; here it gets one per crossing.
    {{ name }} core (
        .clk(clk),
        .rst(rst),
        .in_valid(complete),
        .in_words(collected[{{ input_bits - 1 }}:0]),
{% if threshold_bits %}
        .threshold(threshold),
        .trigger(trigger),
{% endif %}
        .out_valid(out_valid),
        .{{ output_port }}({{ output_port }})
    );

    // Number and orbit marker of the crossing travel beside the core, as many clocks.
    reg [13*LATENCY-1:0] tags;
    always @(posedge clk) begin
        tags[12:0] <= {bc0_now, bx_now};
{% if clocks > 1 %}
        tags[13*LATENCY-1:13] <= tags[13*(LATENCY-1)-1:0];
{% endif %}
    end
    assign {bc0_out, bx_out} = tags[13*LATENCY-1 -: 13];
endmodule

`default_nettype wire
