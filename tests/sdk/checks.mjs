// What the Node programs here share: settings from the environment, checks that run side by side, one line for each.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';

function setting(name, fallback) {
  const value = process.env[name] || fallback;
  if (!value) {
    console.error(`${name} is not set: see tests/sdk/README.md`);
    process.exit(1);
  }
  return value;
}

export const URL_ = setting('MQ_URL').replace(/\/+$/, '');
export const ACCESS_KEY = setting('MQ_ACCESS_KEY');
export const SECRET_KEY = setting('MQ_SECRET_KEY');
// What the endpoint has, so that redelivery can be waited for.
export const VISIBILITY_MS = Number(setting('MQ_VISIBILITY_SECONDS', '3')) * 1000;

// The packages are where npm put them: NODE_PACKAGES is the folder of `node_modules`.
export const require = createRequire(`${resolve(process.env.NODE_PACKAGES || '.')}/`);

/** A name that no other check and no other run uses. */
export const fresh = (prefix) => `${prefix}-${randomUUID().replaceAll('-', '').slice(0, 12)}`;
export const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
/** Until whatever was delivered and not acknowledged can be delivered again. */
export const untilHiddenNoMore = () => sleep(VISIBILITY_MS + 1000);

const checks = [];
export const check = (name, run) => checks.push({ name, run });

/** Runs all checks and ends the process: 0 only if every one was good. */
export async function main() {
  const results = await Promise.all(checks.map(({ run }) => Promise.resolve().then(run).then(() => null, (error) => error)));
  let failed = 0;
  checks.forEach(({ name }, index) => {
    const error = results[index];
    if (error === null) return console.log(`ok      ${name}`);
    failed += 1;
    const at = /at .*?([^/\\]+\.mjs:\d+)/.exec(error?.stack ?? '')?.[1] ?? 'nowhere';
    console.log(`FAILED  ${name}: ${String(error?.message ?? error).replace(/\s+/g, ' ').trim()} (${at})`);
  });
  console.log(`${checks.length - failed} checks good, ${failed} failed`);
  process.exit(failed ? 1 : 0);
}

export { assert };
