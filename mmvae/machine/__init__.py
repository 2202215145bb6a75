"""The machine: devices and processes.

Files, each importing only those before it: `startup` (before libraries start), `parallel` (the
one pmap, processes), `devices` (in words, peak rate, memory), `throughput` (rates, gauges).
"""
