// Looks at the pages below /docs/ as readers do: on a desk and on a phone, in light and in dark, with and without a mouse. Writes pictures.
// look.mjs ORIGIN FOLDER, with NODE_PACKAGES where the packages are.
import { launch, open, SCHEMES, WIDTHS } from "./browser.mjs";
import { axe, keyboard, overflow, scheme, structure } from "./checks.mjs";

const [origin, folder] = process.argv.slice(2);
const found = [];
let looks = 0;

// Holds what is on the page to all that every page is held to, and takes its picture.
async function look(page, name, { fullPage = true } = {}) {
  const wrong = [...(await overflow(page)), ...(await axe(page)), ...page.wrong.splice(0)];
  await page.screenshot({ path: `${folder}/${name}.png`, fullPage });
  found.push(...wrong.map((what) => `${name}: ${what}`));
  looks += 1;
}

const expect = (name, condition, what) => condition || found.push(`${name}: ${what}`);

async function apiPage(browser, contract, width, colours) {
  const name = (part) => `${part}-${width}-${colours}`;
  const page = await open(browser, origin, width, colours);
  await page.goto(`${origin}/docs/`);
  await page.waitForSelector(".opblock");
  const ids = Object.values(contract.paths).flatMap((path) => Object.values(path).map((it) => `operations-${it.tags[0]}-${it.operationId}`));
  for (const id of ids) expect(name("docs"), await page.locator(`#${id}`).isVisible(), `${id} is not there`);
  found.push(...[...(await structure(page)), ...(await scheme(page, colours)), ...(await keyboard(page))].map((what) => `${name("docs")}: ${what}`));
  await look(page, name("docs"));

  // One that is opened by the keyboard, tried, and read to its end.
  const publish = page.locator("#operations-Publish-publishMessage");
  await publish.locator(".opblock-summary-control").press("Enter");
  await publish.locator(".responses-table").waitFor();
  expect(name("operation"), page.url().endsWith("/docs/#/Publish/publishMessage"), `the address is ${page.url()}`);
  await look(page, name("operation"));
  await publish.getByRole("button", { name: "Execute" }).click();
  await publish.locator(".live-responses-table .response-col_status", { hasText: "201" }).waitFor();
  await publish.locator(".responses-table [role=tab]", { hasText: "Schema" }).first().click();
  await look(page, name("tried"));

  // All of them, and the schemas: a long page, so once for each width and each scheme.
  if ((width > 600) === (colours === "dark")) {
    for (const id of ids.filter((id) => !id.endsWith("publishMessage"))) {
      await page.locator(`#${id} .opblock-summary-control`).click();
      await page.locator(`#${id} .responses-table`).waitFor();
    }
    await page.locator(".models-control").click();
    await page.locator(".models .json-schema-2020-12").first().waitFor();
    await look(page, name("all-operations"), { fullPage: false });
  }
  await page.done();

  // By its address.
  const linked = await open(browser, origin, width, colours);
  await linked.goto(`${origin}/docs/#/Receive/receiveMessages`);
  await linked.waitForSelector("#operations-Receive-receiveMessages.is-open .responses-table");
  await look(linked, name("linked-operation"), { fullPage: false });
  await linked.done();
}

async function problemsPage(browser, codes, width, colours) {
  const name = (part) => `${part}-${width}-${colours}`;
  const page = await open(browser, origin, width, colours);
  await page.goto(`${origin}/docs/problems`);
  for (const code of codes) {
    const section = page.locator(`section#${code}`);
    expect(name("problems"), await section.isVisible(), `${code} is not there`);
    expect(name("problems"), (await section.getByRole("heading").innerText()) === code, `${code} has another heading`);
  }
  found.push(...[...(await structure(page)), ...(await scheme(page, colours)), ...(await keyboard(page))].map((what) => `${name("problems")}: ${what}`));
  await look(page, name("problems"));
  // From the index to a problem and to the other page.
  for (const code of codes) {
    await page.locator("nav.index").getByRole("link", { name: code, exact: true }).click();
    const [target, top] = await page.evaluate(() => {
      const section = document.querySelector(":target");
      return [section?.id, section?.getBoundingClientRect().top];
    });
    expect(name("problems"), target === code && top < 844, `#${code} leads to ${target} at ${top}`);
  }
  await page.getByRole("link", { name: "API", exact: true }).click();
  await page.waitForSelector(".opblock");
  await page.getByRole("link", { name: "Problems", exact: true }).click();
  await page.waitForURL("**/docs/problems");
  await page.done();

  const linked = await open(browser, origin, width, colours);
  await linked.goto(`${origin}/docs/problems#validation-failed`);
  const top = await linked.evaluate(() => document.querySelector(":target")?.getBoundingClientRect().top);
  expect(name("anchor"), top !== undefined && top > -2 && top < 200, `#validation-failed is at ${top}`);
  await look(linked, name("anchor"), { fullPage: false });
  await linked.done();
}

// What each check is for is found where it is.
async function controls(browser) {
  const page = await open(browser, origin, 390, "light");
  await page.goto(`${origin}/docs/problems`);
  const expectFound = (wrong, what) => expect("control", wrong.some((it) => it.includes(what)), `nothing says "${what}": ${wrong}`);
  await page.evaluate(() => {
    const wide = document.createElement("p");
    wide.innerHTML = "<img src='/docs/icon.svg' style='width: 2000px'> <a href='#x'>seen by nobody</a>";
    wide.firstChild.style.width = "2000px";
    wide.lastChild.style.cssText = "outline: none; color: #ccc";
    document.querySelector("main").prepend(wide);
    const script = document.createElement("script");
    script.textContent = "window.ran = true";
    document.body.append(script);
    const elsewhere = new Image();
    elsewhere.src = "http://example.com/x.png";
    console.error("a word of the console");
  });
  await page.waitForTimeout(0);
  expectFound(await overflow(page), "px wide");
  const seen = await axe(page);
  expectFound(seen, "image-alt");
  expectFound(seen, "color-contrast");
  expectFound(await keyboard(page), "not seen to have the focus: a. seen by nobody");
  expectFound(await scheme(page, "dark"), "brightness");
  expectFound(page.wrong, "a word of the console");
  expectFound(page.wrong, "against the policy: script-src");
  expectFound(page.wrong, "against the policy: img-src http://example.com");
  await page.done();
  const missing = await open(browser, origin, 390, "light");
  await missing.goto(`${origin}/docs/nothing`);
  expectFound(missing.wrong, "404");
  expectFound(await structure(missing), "0 of main");
  await missing.done();
}

const contract = await (await fetch(`${origin}/openapi.json`)).json();
const codes = contract.components.schemas.Problem.properties.code.examples;
const browser = await launch();
try {
  await controls(browser);
  for (const width of WIDTHS) {
    for (const colours of SCHEMES) {
      await apiPage(browser, contract, width, colours);
      await problemsPage(browser, codes, width, colours);
    }
  }
} finally {
  await browser.close();
}
for (const what of found) console.error(what);
console.log(`${looks} looks, ${codes.length} problems, ${found.length} findings`);
process.exitCode = found.length ? 1 : 0;
