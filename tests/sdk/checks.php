<?php
// What the PHP programs here share: settings from the environment, checks one after the other, one line for each.

function setting(string $name, ?string $fallback = null): string
{
    $value = getenv($name) ?: $fallback;
    if ($value === null) {
        fwrite(STDERR, "$name is not set: see tests/sdk/README.md\n");
        exit(1);
    }
    return $value;
}

define('URL', rtrim(setting('MQ_URL'), '/'));
define('ACCESS_KEY', setting('MQ_ACCESS_KEY'));
define('SECRET_KEY', setting('MQ_SECRET_KEY'));
// What the endpoint has, so that redelivery can be waited for.
define('VISIBILITY', (float) setting('MQ_VISIBILITY_SECONDS', '3'));

/** A name that no other check and no other run uses. */
function fresh(string $prefix): string
{
    return $prefix . '-' . bin2hex(random_bytes(6));
}

function same(string $what, mixed $actual, mixed $expected): void
{
    if ($actual !== $expected) {
        $shown = fn (mixed $value) => json_encode($value, JSON_UNESCAPED_UNICODE | JSON_PARTIAL_OUTPUT_ON_ERROR);
        throw new Exception("$what is {$shown($actual)}, expected {$shown($expected)}");
    }
}

function true_(string $what, bool $condition): void
{
    if (!$condition) {
        throw new Exception($what);
    }
}

/** Until whatever was delivered and not acknowledged can be delivered again. */
function until_hidden_no_more(): void
{
    usleep((int) ((VISIBILITY + 1) * 1e6));
}

/** The names and the functions of the checks. */
$checks = [];

function check(string $name, callable $run): void
{
    global $checks;
    $checks[] = [$name, $run];
}

/** Runs all checks and ends the process: 0 only if every one was good. */
function main(): never
{
    global $checks;
    $failed = 0;
    foreach ($checks as [$name, $run]) {
        try {
            $run();
            echo "ok      $name\n";
        } catch (Throwable $error) { // a check fails by any of them
            $failed++;
            $place = basename($error->getFile()) . ':' . $error->getLine();
            foreach ($error->getTrace() as $frame) {
                if (basename($frame['file'] ?? '') !== 'checks.php') {
                    $place = basename($frame['file'] ?? 'nowhere') . ':' . ($frame['line'] ?? 0);
                    break;
                }
            }
            echo "FAILED  $name: " . get_class($error) . ': ' . trim($error->getMessage()) . " ($place)\n";
        }
    }
    echo count($checks) - $failed . " checks good, $failed failed\n";
    exit($failed ? 1 : 0);
}

// A notice is a mistake here, too.
set_error_handler(function (int $level, string $text, string $file, int $line) {
    throw new ErrorException($text, 0, $level, $file, $line);
});
