// A browser that reaches nothing but this machine, and pages of it that note whatever goes wrong in them.
import { createRequire } from "node:module";

const { chromium } = createRequire(process.env.NODE_PACKAGES + "/")("playwright-core");

export const WIDTHS = [1280, 390];
export const SCHEMES = ["light", "dark"];

export const launch = () =>
  chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"],
  });

// A page as a reader has it: a desk or a phone, in light or in dark. `page.wrong` is what went wrong in it.
export async function open(browser, origin, width, scheme) {
  const viewport = { width, height: width > 600 ? 900 : 844 };
  const context = await browser.newContext({ viewport, colorScheme: scheme, reducedMotion: "reduce" });
  const page = await context.newPage();
  page.wrong = [];
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) page.wrong.push(`console: ${message.text()}`);
  });
  page.on("pageerror", (error) => page.wrong.push(`script: ${error.message}`));
  page.on("requestfailed", (request) => page.wrong.push(`not loaded: ${request.url()}: ${request.failure()?.errorText}`));
  page.on("request", (request) => {
    const url = new URL(request.url());
    if (url.origin !== origin && url.protocol !== "data:") page.wrong.push(`asks another server: ${url.href}`);
  });
  page.on("response", (response) => {
    if (response.status() >= 400) page.wrong.push(`${response.status()}: ${response.url()}`);
  });
  await page.exposeBinding("noteViolation", (_, what) => page.wrong.push(`against the policy: ${what}`));
  await page.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", (event) => {
      window.noteViolation(`${event.effectiveDirective} ${event.blockedURI}`);
    });
  });
  page.done = () => context.close();
  return page;
}
