// Self-checking test bench of {{ name }}: {{ vectors }} events, circuit {{ digest }}.
//
// Compares every output with tb/vectors.hex, prints one line that begins with PASS or FAIL, and ends with an error
// after FAIL. Events come back to back, then with gaps, then with resets among them. Run it in the folder of README.md.
// verilator lint_off DECLFILENAME
// verilator lint_off WIDTHEXPAND
// verilator lint_off WIDTHTRUNC
// verilator lint_off BLKSEQ
`timescale 1ns / 1ps

module tb_{{ name }};
    localparam EVENTS = {{ vectors }};
    localparam LATENCY = {{ clocks }};
    localparam IN_BITS = {{ input_bits }};
    localparam OUT_BITS = {{ output_bits }};
    localparam OUT_AT = {{ out_at }};  // in a line of the vectors, inputs stand below this bit
    localparam LINE_BITS = {{ line_bits }};
    localparam [63:0] DIGEST = 64'h{{ digest[:16] }};
    localparam GAPS = 500;    // clocks with events at random
    localparam RESETS = 500;  // clocks with events and resets at random
    localparam DRAIN = LATENCY + 3;

    reg clk, rst, in_valid;
    reg [IN_BITS-1:0] in_words;
    wire out_valid;
    wire [OUT_BITS-1:0] {{ output_port }};
{% if threshold_bits %}
    reg [OUT_BITS-1:0] threshold;
    wire trigger;
    reg fires;
{% endif %}

    {{ name }} dut (
        .clk(clk),
        .rst(rst),
        .in_valid(in_valid),
        .in_words(in_words),
{% if threshold_bits %}
        .threshold(threshold),
        .trigger(trigger),
{% endif %}
        .out_valid(out_valid),
        .{{ output_port }}({{ output_port }})
    );

    reg [LINE_BITS-1:0] lines [0:EVENTS];  // line 0 says which circuit they are for
    reg [8*256-1:0] file;

    // What has to be in each layer of registers: whether there is an event, and which.
    reg [LATENCY-1:0] valid;
    integer event_of [0:LATENCY-1];
    integer sent, next, step, layer, steps, errors, checked, seen, sent_at, latency;
    reg [31:0] random;
    reg [OUT_BITS-1:0] expected;

    always #{{ "%.3f" | format(500 / clock_mhz) }} clk = ~clk;

    task fail(input integer event_number);
        begin
            if (errors == 0)
                $display("tb_{{ name }}: first difference at event %0d: got %h, expected %h, valid %b, expected %b",
                         event_number, {{ output_port }}, expected, out_valid, valid[LATENCY-1]);
            errors = errors + 1;
        end
    endtask

    // Compare what the last rising edge has left with the model of the pipeline.
    task check;
        begin
            for (layer = LATENCY - 1; layer > 0; layer = layer - 1) begin
                valid[layer] = valid[layer-1] & ~rst;
                event_of[layer] = event_of[layer-1];
            end
            valid[0] = in_valid & ~rst;
            event_of[0] = sent;
            if (rst) valid = 0;
            expected = lines[1 + event_of[LATENCY-1]][OUT_AT +: OUT_BITS];
            if (out_valid !== valid[LATENCY-1]) fail(event_of[LATENCY-1]);
            else if (valid[LATENCY-1]) begin
                checked = checked + 1;
                if (latency < 0) latency = step - sent_at + 1;
                if ({{ output_port }} !== expected) fail(event_of[LATENCY-1]);
{% if threshold_bits %}
{% if threshold_signed %}
                fires = $signed(expected) >= $signed(threshold);
{% else %}
                fires = expected >= threshold;
{% endif %}
                if (trigger !== fires) fail(event_of[LATENCY-1]);
            end
            else if (trigger !== 1'b0) fail(event_of[LATENCY-1]);
{% else %}
            end
{% endif %}
        end
    endtask

    // A number that looks like chance and is the same in every simulator.
    task draw;
        begin
            random = {random[30:0], random[31] ^ random[21] ^ random[1] ^ random[0]};
        end
    endtask

    initial begin
        clk = 1'b0;
        rst = 1'b1;
        in_valid = 1'b0;
        in_words = 0;
        valid = 0;
        random = 32'h1;
        sent = 0; next = 0; errors = 0; checked = 0; seen = 0; sent_at = 0; latency = -1;
        for (layer = 0; layer < LATENCY; layer = layer + 1) event_of[layer] = 0;
{% if threshold_bits %}
        threshold = 0;
{% endif %}
        if (!$value$plusargs("vectors=%s", file)) file = "tb/vectors.hex";
        $readmemh(file, lines);
        if (lines[0][63:0] !== DIGEST) begin
            $display("FAIL tb_{{ name }}: the vectors are missing or those of another circuit");
            $fatal(1, "wrong vectors");
        end
        repeat (2) @(negedge clk);

        steps = EVENTS + DRAIN + GAPS + DRAIN + RESETS + DRAIN;
        for (step = 0; step < steps; step = step + 1) begin
            draw;
            rst = 1'b0;
            in_valid = 1'b0;
            if (step < EVENTS) in_valid = 1'b1;
            else if (step >= EVENTS + DRAIN && step < EVENTS + DRAIN + GAPS) in_valid = random[3] | random[7];
            else if (step >= EVENTS + DRAIN + GAPS + DRAIN && step < steps - DRAIN) begin
                in_valid = random[3] | random[7] | random[12];
                rst = (random[8:4] == 5'h0);
            end
            sent = next;
            if (in_valid) begin
                if (seen == 0) sent_at = step;
                seen = 1;
                next = (next + 1 == EVENTS) ? 0 : next + 1;
            end
            // Without an event the words are those of another one, which must not count.
            in_words = lines[1 + (in_valid ? sent : step % EVENTS)][0 +: IN_BITS];
{% if threshold_bits %}
            // One below, at, and one above the score of the event that the next edge brings to the output.
            layer = (LATENCY == 1) ? sent : event_of[LATENCY > 1 ? LATENCY-2 : 0];
            threshold = lines[1 + layer][OUT_AT +: OUT_BITS] + (step % 3) - 1;
{% endif %}
            @(negedge clk);
            check;
        end

        if (errors == 0 && checked >= EVENTS && latency == LATENCY) begin
            $display("PASS tb_{{ name }}: %0d outputs compared, 0 errors, latency %0d clocks", checked, latency);
            $finish;
        end else begin
            $display("FAIL tb_{{ name }}: %0d outputs compared, %0d errors, latency %0d clocks", checked, errors, latency);
            $fatal(1, "the design differs from its vectors");
        end
    end
endmodule
