// Runs workers until the work is done, and prints what it took.
export async function figures(work, workers, count, times) {
  const before = process.cpuUsage();
  const began = performance.now();
  await Promise.all(Array.from({ length: workers }, work));
  const took = (performance.now() - began) / 1000;
  const { user, system } = process.cpuUsage(before);
  times.sort((one, other) => one - other);
  console.log(JSON.stringify({
    messages_per_second: Math.round(count / took),
    p50_ms: Number(times[Math.floor(times.length / 2)].toFixed(1)),
    p99_ms: Number(times[Math.floor(times.length * 0.99)].toFixed(1)),
    client_cpu_us_per_message: Math.round((user + system) / count),
  }));
}
