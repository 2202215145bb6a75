"""Counts of a campaign: what was tried, how it ended, what must not have happened."""

import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Tally:
    """Counts of one campaign.

    Attributes:
        name: of the campaign.
        rows: {what was tried: Counter of how it ended}.
        faults: what must not happen and did, a sentence each.
        measures: other numbers, with their unit in the name.
    """

    name: str
    rows: dict[str, Counter] = field(default_factory=lambda: defaultdict(Counter))
    faults: list[str] = field(default_factory=list)
    measures: dict[str, float] = field(default_factory=dict)

    def add(self, what: str, end: str, fault: str = "") -> None:
        """One try, and the sentence to report where it must not have ended so."""
        self.rows[what][end] += 1
        if fault:
            self.fault(f"{what}: {fault}")

    def fault(self, sentence: str) -> None:
        """Something that must not happen; told at once."""
        self.faults.append(sentence)
        print(f"FAULT {self.name}: {sentence}", flush=True)

    @property
    def tries(self) -> int:
        """How many were tried."""
        return sum(counter.total() for counter in self.rows.values())

    def record(self) -> dict[str, Any]:
        """The counts for JSON."""
        rows = {what: dict(counter) for what, counter in self.rows.items()}
        facts = {"name": self.name, "tries": self.tries, "rows": rows}
        return facts | {"measures": self.measures, "faults": self.faults}


def table(tallies: list[Tally]) -> str:
    """All counts as a table in Markdown."""
    lines = ["| campaign | tried | number | ended |", "|---|---|---|---|"]
    for tally in tallies:
        for what, counter in tally.rows.items():
            ends = ", ".join(f"{end} {number}" for end, number in counter.most_common())
            lines.append(f"| {tally.name} | {what} | {counter.total()} | {ends} |")
        told = ", ".join(f"{name} {value:,.4g}" for name, value in tally.measures.items())
        faults = f"**{len(tally.faults)} faults**" if tally.faults else "no fault"
        lines.append(f"| {tally.name} | all | {tally.tries} | {faults}; {told} |")
    return "\n".join(lines)


def write(path: Path, tallies: list[Tally], about: dict[str, Any]) -> None:
    """The counts as JSON, with what they are of."""
    facts = about | {"campaigns": [tally.record() for tally in tallies]}
    path.write_text(json.dumps(facts, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
