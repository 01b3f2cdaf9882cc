// Self-checking test bench of {{ name }}_board: crossings back to back from tb/vectors.hex, an orbit marker among them,
// an interrupted crossing, pauses, and a reset. One line that begins with PASS or FAIL; an error after FAIL.
// verilator lint_off DECLFILENAME
// verilator lint_off WIDTHEXPAND
// verilator lint_off WIDTHTRUNC
// verilator lint_off BLKSEQ
`timescale 1ns / 1ps

module tb_{{ name }}_board;
    localparam EVENTS = {{ vectors }};
    localparam CROSSINGS = {{ [vectors, 300] | min }};
    localparam FRAMES = {{ frames }};
    localparam FRAME_BITS = {{ frame_bits }};
    localparam IN_BITS = {{ input_bits }};
    localparam OUT_BITS = {{ output_bits }};
    localparam OUT_AT = {{ out_at }};
    localparam LINE_BITS = {{ line_bits }};
    localparam LINKS = (IN_BITS + FRAME_BITS*FRAMES - 1) / (FRAME_BITS*FRAMES);
    localparam ORBIT = 100;  // crossings per orbit in this test; 3564 in the LHC
    localparam [63:0] DIGEST = 64'h{{ digest[:16] }};

    reg clk, rst, link_valid, link_start, bc0_in;
    reg [LINKS*FRAME_BITS-1:0] link_data;
    reg [11:0] bx_in;
    wire out_valid, bc0_out, incomplete;
    wire [OUT_BITS-1:0] {{ output_port }};
    wire [11:0] bx_out;
{% if threshold_bits %}
    reg [OUT_BITS-1:0] threshold;
    wire trigger;
    reg fires;
{% endif %}

    {{ name }}_board dut (
        .clk(clk), .rst(rst), .link_valid(link_valid), .link_start(link_start), .link_data(link_data),
        .bx_in(bx_in), .bc0_in(bc0_in),
{% if threshold_bits %}
        .threshold(threshold), .trigger(trigger),
{% endif %}
        .out_valid(out_valid), .{{ output_port }}({{ output_port }}), .bx_out(bx_out), .bc0_out(bc0_out),
        .incomplete(incomplete)
    );

    reg [LINE_BITS-1:0] lines [0:EVENTS];
    reg [8*256-1:0] file;
    reg [LINKS*FRAMES*FRAME_BITS-1:0] padded;
    reg [OUT_BITS-1:0] expected;
    reg broken;
    reg [4095:0] due;  // by crossing: whether a decision has to come
    integer crossing, frame, link, wanted, seen, errors, interrupted, flagged;

    always #{{ "%.3f" | format(500 / clock_mhz) }} clk = ~clk;

    // Decisions come in the order of their crossings; the next one that is due has to be the one that comes.
    always @(negedge clk) begin
        if (incomplete === 1'b1) flagged = flagged + 1;
        if (out_valid === 1'b1) begin
            while (wanted < CROSSINGS && !due[wanted]) wanted = wanted + 1;
            expected = lines[1 + wanted][OUT_AT +: OUT_BITS];
            if (wanted >= CROSSINGS || {{ output_port }} !== expected || bx_out !== (wanted % ORBIT) ||
                bc0_out !== (wanted % ORBIT == 0)) begin
                if (errors == 0)
                    $display("tb_{{ name }}_board: first difference at crossing %0d: got %h of %0d, expected %h",
                             wanted, {{ output_port }}, bx_out, expected);
                errors = errors + 1;
            end
{% if threshold_bits %}
{% if threshold_signed %}
            fires = $signed(expected) >= $signed(threshold);
{% else %}
            fires = expected >= threshold;
{% endif %}
            if (trigger !== fires) errors = errors + 1;
{% endif %}
            wanted = wanted + 1;
            seen = seen + 1;
        end
{% if threshold_bits %}
        else if (trigger === 1'b1) errors = errors + 1;
{% endif %}
    end

    initial begin
        clk = 1'b0; rst = 1'b1; link_valid = 1'b0; link_start = 1'b0; link_data = 0; bx_in = 0; bc0_in = 1'b0;
        wanted = 0; seen = 0; errors = 0; interrupted = 0; flagged = 0; due = 0;
{% if threshold_bits %}
        threshold = 0;
{% endif %}
        if (!$value$plusargs("vectors=%s", file)) file = "tb/vectors.hex";
        $readmemh(file, lines);
        if (lines[0][63:0] !== DIGEST) begin
            $display("FAIL tb_{{ name }}_board: the vectors are missing or those of another circuit");
            $fatal(1, "wrong vectors");
        end
{% if threshold_bits %}
        threshold = lines[1][OUT_AT +: OUT_BITS];
{% endif %}
        repeat ({{ clocks }} + 2) @(negedge clk);
        rst = 1'b0;
        for (crossing = 0; crossing < CROSSINGS; crossing = crossing + 1) begin
            padded = lines[1 + crossing][0 +: IN_BITS];
            broken = (crossing % 50 == 17) && (FRAMES > 1);
            due[crossing] = !broken;
            if (broken) interrupted = interrupted + 1;
            for (frame = 0; frame < (broken ? FRAMES - 1 : FRAMES); frame = frame + 1) begin
                link_valid = 1'b1;
                link_start = (frame == 0);
                bx_in = (frame == 0) ? crossing % ORBIT : 12'hfff;
                bc0_in = (frame == 0) && (crossing % ORBIT == 0);
                for (link = 0; link < LINKS; link = link + 1)
                    link_data[link*FRAME_BITS +: FRAME_BITS] = padded[(link*FRAMES + frame)*FRAME_BITS +: FRAME_BITS];
                @(negedge clk);
            end
            link_valid = 1'b0;
            if (broken || crossing % 50 == 31) @(negedge clk);  // the interruption, or a pause between crossings
            if (crossing == CROSSINGS / 2) begin
                // Everything out, then a reset: what comes after it has to be right again.
                repeat ({{ clocks }} + 3) @(negedge clk);
                rst = 1'b1;
                @(negedge clk);
                rst = 1'b0;
            end
        end
        repeat ({{ clocks }} + 5) @(negedge clk);
        if (errors == 0 && seen == CROSSINGS - interrupted && flagged == interrupted) begin
            $display("PASS tb_{{ name }}_board: %0d crossings, %0d interrupted, 0 errors", seen, interrupted);
            $finish;
        end else begin
            $display("FAIL tb_{{ name }}_board: %0d of %0d crossings, %0d errors", seen, CROSSINGS - interrupted, errors);
            $fatal(1, "the board example differs from its vectors");
        end
    end
endmodule
