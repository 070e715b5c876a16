// What a page is held to, whatever is on it. Each check returns what it finds wrong, as a list of sentences.
import { readFileSync } from "node:fs";

const AXE = readFileSync(process.env.NODE_PACKAGES + "/node_modules/axe-core/axe.min.js", "utf8");

// Rules that a part of Swagger UI breaks and nothing outside it can mend: rule, selector, reason.
const EXCEPTIONS = [];

// The page itself never scrolls sideways: what is too wide wraps, or scrolls within itself.
export const overflow = (page) =>
  page.evaluate(() => {
    const { scrollWidth, clientWidth } = document.scrollingElement;
    if (scrollWidth <= clientWidth) return [];
    const wide = [...document.body.querySelectorAll("*")].filter((element) => element.getBoundingClientRect().right > clientWidth + 1);
    const names = wide.slice(0, 5).map((element) => `${element.tagName.toLowerCase()}.${element.className}`);
    return [`${scrollWidth} px wide in ${clientWidth}: ${names.join(", ")}`];
  });

// axe-core finds nothing, of whatever weight. What it cannot judge it does not count.
export async function axe(page) {
  await page.evaluate(AXE);
  const violations = await page.evaluate(async () => {
    const { violations } = await window.axe.run(document, { resultTypes: ["violations"] });
    return violations.flatMap(({ id, impact, help, nodes }) =>
      nodes.map((node) => ({ id, impact, help, target: node.target.join(" "), why: node.any[0]?.message ?? "" })),
    );
  });
  const excepted = ({ id, target }) => EXCEPTIONS.some((exception) => exception.rule === id && target.includes(exception.selector));
  return violations.filter((found) => !excepted(found)).map((found) => `axe: ${found.impact} ${found.id} at ${found.target}: ${found.why || found.help}`);
}

// Brightness of what the reader sees behind the text, from 0 to 1.
export async function scheme(page, wanted) {
  const [red, green, blue] = await page.evaluate(() => getComputedStyle(document.body).backgroundColor.match(/\d+/g).map(Number));
  const brightness = (0.2126 * red + 0.7152 * green + 0.0722 * blue) / 255;
  return (wanted === "dark") === brightness < 0.2 ? [] : [`the background has brightness ${brightness.toFixed(2)} in ${wanted}`];
}

// With nothing but the keyboard: the first stop is the way past the header, and every stop shows that it is one.
export async function keyboard(page) {
  const wrong = [];
  const focused = () =>
    page.evaluate(() => {
      const element = document.activeElement;
      if (!element || element === document.body || element.dataset.seen) return null;
      element.dataset.seen = "yes";
      const { outlineStyle, outlineWidth } = getComputedStyle(element);
      const { width, height } = element.getBoundingClientRect();
      return {
        name: `${element.tagName.toLowerCase()}.${element.className} ${element.textContent.trim().slice(0, 30)}`,
        isSkip: element.matches("a.skip"),
        isShown: width > 0 && height > 0,
        isMarked: outlineStyle !== "none" && Number.parseFloat(outlineWidth) >= 2,
      };
    });
  await page.evaluate(() => {
    document.activeElement?.blur();
    window.scrollTo(0, 0);
  });
  let stops = 0;
  for (;;) {
    await page.keyboard.press("Tab");
    const stop = await focused();
    if (!stop) break;
    stops += 1;
    if (stops === 1 && !stop.isSkip) wrong.push(`the first stop of the keyboard is ${stop.name}`);
    if (!stop.isShown) wrong.push(`the keyboard stops where nothing is: ${stop.name}`);
    if (!stop.isMarked) wrong.push(`not seen to have the focus: ${stop.name}`);
  }
  if (stops < 10) wrong.push(`the keyboard stops ${stops} times only`);
  const target = await page.evaluate(() => document.querySelector("a.skip")?.hash);
  const skipsTo = await page.evaluate((id) => id && document.querySelector(id)?.closest("main") !== null, target);
  if (!skipsTo) wrong.push(`the skip link leads to ${target}, which is no main part`);
  return wrong;
}

// The language, the landmarks and one title.
export const structure = (page) =>
  page.evaluate(() => {
    const count = (selector) => document.querySelectorAll(selector).length;
    const wrong = [];
    if (document.documentElement.lang !== "en") wrong.push("the language is not said");
    for (const one of ["body > header", "main", "h1", "header nav[aria-label]", "header nav a[aria-current=page]"]) {
      if (count(one) !== 1) wrong.push(`${count(one)} of ${one}`);
    }
    return wrong;
  });
