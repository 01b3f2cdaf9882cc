-- {{ name }}: one event per clock, {{ clocks }} clocks from in_valid to out_valid. Written by l1ae {{ version }}.
-- Ports and behaviour are those of the Verilog of the same name; see README.md.
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;

entity {{ entity }} is
    port (
        clk : in std_logic;
        rst : in std_logic;
        in_valid : in std_logic;
        in_words : in std_logic_vector({{ input_bits - 1 }} downto 0);
{% if threshold_bits %}
        threshold : in std_logic_vector({{ threshold_bits - 1 }} downto 0);
        trigger : out std_logic;
{% endif %}
        out_valid : out std_logic;
        {{ output_port }} : out std_logic_vector({{ output_bits - 1 }} downto 0)
    );
end entity;

architecture rtl of {{ entity }} is
{% for stage in stages %}
    signal stage{{ loop.index }}_out : std_logic_vector({{ [stage.output_bits, 1] | max - 1 }} downto 0);
{% endfor %}
{% for stage in stages[:-1] %}
    signal register{{ loop.index }} : std_logic_vector({{ [stage.output_bits, 1] | max - 1 }} downto 0);
    signal valid{{ loop.index }} : std_logic;
{% endfor %}
begin
{% for stage in stages %}
    stage{{ loop.index }} : entity work.{{ entity }}_stage{{ loop.index }}
        port map (in_bits => {{ "in_words" if loop.first else "register" ~ loop.index0 }}, out_bits => stage{{ loop.index }}_out);
{% endfor %}
{% set last_valid = "in_valid" if clocks == 1 else "valid" ~ (clocks - 1) %}
{% set number = "signed" if threshold_signed else "unsigned" %}

    process (clk)
    begin
        if rising_edge(clk) then
{% for stage in stages[:-1] %}
            register{{ loop.index }} <= stage{{ loop.index }}_out;
            valid{{ loop.index }} <= {{ "in_valid" if loop.first else "valid" ~ loop.index0 }} and not rst;
{% endfor %}
            {{ output_port }} <= stage{{ clocks }}_out;
            out_valid <= {{ last_valid }} and not rst;
{% if threshold_bits %}
            if {{ number }}(stage{{ clocks }}_out) >= {{ number }}(threshold) then
                trigger <= {{ last_valid }} and not rst;
            else
                trigger <= '0';
            end if;
{% endif %}
        end if;
    end process;
end architecture;
