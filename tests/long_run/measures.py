"""Memory, descriptors and processor time of the processes, looked at every few seconds.

What is compared is the same load before any fault and after all of them, at gateways that nobody has killed: idle ones would say nothing of
what connections and buffers hold under load. Two figures of memory: what is resident, and what of that no file has.
The pages of the program
itself belong to the first only: code that runs for the first time when something fails is read then, and stays."""

import statistics
import time
from array import array

OWN = "the callers and targets of this test"
FIGURES = ("resident", "anonymous", "descriptors")


class Series:
    def __init__(self, process):
        self.process, self.times = process, array("d")
        self.values = {name: array("d") for name in FIGURES}
        self.marks = {}

    def look(self):
        try:
            resident, anonymous = self.process.memory()
            descriptors = self.process.descriptors()
        except (OSError, TypeError, ValueError):
            return
        self.times.append(time.monotonic())
        for name, value in zip(FIGURES, (resident, anonymous, descriptors), strict=True):
            self.values[name].append(value)

    def median(self, name, began, ended):
        chosen = [value for at, value in zip(self.times, self.values[name], strict=True) if began <= at <= ended]
        return statistics.median(chosen) if chosen else None

    def mark(self, name, seconds):
        now = time.monotonic()
        self.marks[name] = {figure: self.median(figure, now - seconds, now + 1) for figure in FIGURES}

    def peak(self, name):
        return max(self.values[name], default=0)


class Measured:
    def __init__(self, lanes):
        self.lanes = lanes
        self.series = {lane.name: Series(lane.steady().gateway) for lane in lanes if lane.steady()}
        self.cpu_began, self.began = self.cpu(), time.monotonic()
        self.own_began = time.process_time()

    def look(self):
        for series in self.series.values():
            series.look()

    def mark(self, name, seconds):
        for series in self.series.values():
            series.mark(name, seconds)

    def cpu(self):
        """Seconds of the processor, of the gateways and the MQs by name."""
        found = {}
        for lane in self.lanes:
            for pod in lane.gateways:
                found[f"{lane.name} {pod.name}"] = pod.cpu()
            if lane.mq:
                found[f"{lane.name} MQ"] = lane.mq.cpu()
        return found

    def cores(self):
        """How much of a core each took."""
        seconds = time.monotonic() - self.began
        found = {name: (value - self.cpu_began.get(name, 0)) / seconds for name, value in self.cpu().items()}
        return {**found, OWN: (time.process_time() - self.own_began) / seconds}
