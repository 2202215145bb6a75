"""What was measured, as lines for the terminal."""

from collections.abc import Iterator


def lines(result: dict) -> Iterator[str]:
    """The table of what `measure` returned."""
    step, peak = result["step"], result["matmul"][result["dtype"]]
    yield f"devices     {result['devices']}"
    yield f"config      {result['config']}: {result['work']}"
    yield (
        f"step        {1e3 * step['seconds']:,.1f} ms (median; half of {step['count']} steps "
        f"between {1e3 * step['lower']:,.1f} and {1e3 * step['upper']:,.1f})"
    )
    yield f"images/s    {step['images_per_second']:,.1f}"
    yield f"FLOPs       {_flops(step['flops'])} a step, of its products"
    yield f"rate        {_flops(step['flops_per_second'])}/s"
    for dtype, product in result["matmul"].items():
        rate, size = _flops(product["flops_per_second"]), product["size"]
        yield f"peak        {rate}/s, {dtype} matrix product of {size} x {size}"
    yield (
        f"MFU         {step['mfu_percent']:.1f} % of the measured "
        f"{_flops(peak['flops_per_second'])}/s in {result['dtype']}"
    )
    memory = result["memory"]
    yield f"memory      {memory['peak_bytes'] / 2**30:.2f} GiB at most, of the {memory['of']}"
    for name in ("first state", "first step"):
        first = result[name.replace(" ", "_")]
        yield (
            f"{name:11} {first['cold_seconds']:.1f} s with an empty compilation cache, "
            f"{first['warm_seconds']:.1f} s with a filled one"
        )
    pairs, seconds = result["generation"]["pairs"], result["generation"]["seconds"]
    yield f"generation  {seconds:.3f} s for {pairs} pairs, captions included (median)"
    yield f"recompiled  {result['recompilations']} times after the first step (0 is right)"
    if "pipeline" in result:
        yield from _data_rows(result["pipeline"], result["together"])


def parts(seconds: dict[str, float]) -> Iterator[str]:
    """The table of what `profiled` returned: milliseconds of a step, and shares."""
    total, width = sum(seconds.values()), max(map(len, seconds))
    for part, value in seconds.items():
        yield f"{part:{width}}  {1e3 * value:10,.2f} ms  {value / total:6.1%}"
    yield f"{'together':{width}}  {1e3 * total:10,.2f} ms of all threads or streams, a step"


def _data_rows(pipeline, together):
    yield f"pipeline    {pipeline['images_per_second']:,.1f} pairs/s alone"
    yield (
        f"together    {together['images_per_second']:,.1f} images/s, "
        f"{together['data_wait_percent']:.2f} % of the time waiting for data, "
        f"{together['slower_percent']:+.1f} % against the step alone"
    )


def _flops(count):
    """A number of operations with its unit, such as "1.23 TFLOP"."""
    units = ((1e15, "PFLOP"), (1e12, "TFLOP"), (1e9, "GFLOP"), (1e6, "MFLOP"))
    size, unit = next((u for u in units if count >= u[0]), units[-1])
    return f"{count / size:,.2f} {unit}"
