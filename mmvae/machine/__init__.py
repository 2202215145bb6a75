"""The machine: devices and processes.

Files, each importing only those before it: `startup` (before libraries start), `background`
(threads beside the main one), `parallel` (the one pmap, processes), `flops` (operations, counted),
`devices` (in words, peak rate, memory), `throughput` (rates, gauges).
"""
