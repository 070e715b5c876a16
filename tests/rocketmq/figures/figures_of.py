"""Runs workers until the work is done, and prints what it took."""

import json
import resource
import threading
import time


def figures(work, workers, count, times):
    threads = [threading.Thread(target=work) for _ in range(workers)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.perf_counter() - began
    ordered = sorted(times)
    own = resource.getrusage(resource.RUSAGE_SELF)
    print(
        json.dumps(
            {
                "messages_per_second": round(count / took),
                "p50_ms": round(ordered[len(ordered) // 2] * 1000, 1),
                "p99_ms": round(ordered[len(ordered) * 99 // 100] * 1000, 1),
                "client_cpu_us_per_message": round((own.ru_utime + own.ru_stime) / count * 1e6),
            }
        ),
        flush=True,
    )
