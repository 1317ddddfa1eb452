// Looks at every page as people do, in a real Chromium: by light and by dark, on a desk and on a
// phone, with mouse and keyboard. What is amiss is written to standard output, a line each.
//
//   look.mjs MODULES URL PASSWORD [FOLDER FOR SCREENSHOTS]

import { createRequire } from "node:module";
import { readFile, mkdir } from "node:fs/promises";
import { join } from "node:path";

const [modules, url, password, shots] = process.argv.slice(2);
const require = createRequire(join(modules, "node_modules", "/"));
const { chromium } = require("playwright-core");
const axe = await readFile(require.resolve("axe-core/axe.min.js"), "utf8");

const desk = { width: 1280, height: 900 };
const phone = { width: 360, height: 740 };
const amiss = [];
const note = (where, what) => amiss.push(`${where}: ${what}`);

if (shots) await mkdir(shots, { recursive: true });
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    // Nothing but this machine can be found, whatever a page or the browser wants.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
  ],
});

// A window in which everything that goes wrong is noted.
async function open(name, colorScheme, viewport) {
  const context = await browser.newContext({ colorScheme, viewport, reducedMotion: "reduce" });
  const page = await context.newPage();
  const here = () => `${name} ${new URL(page.url()).pathname}`;
  page.on("dialog", async (dialog) => {
    note(here(), `a script of a stranger runs: ${dialog.message()}`);
    await dialog.dismiss();
  });
  page.on("console", (message) => {
    const is_status = /the server responded with a status of 4/.test(message.text());
    if (message.type() === "error" && !is_status) note(here(), message.text());
  });
  page.on("pageerror", (error) => note(here(), error.message));
  page.on("request", (request) => {
    if (!request.url().startsWith(url)) note(here(), `asks another host: ${request.url()}`);
  });
  page.on("response", async (response) => {
    const fields = await response.allHeaders();
    if (!(fields["content-type"] ?? "").startsWith("text/html")) return;
    const policy = fields["content-security-policy"] ?? "";
    if (!policy.startsWith("default-src 'none'") || policy.includes("unsafe")) {
      note(here(), `the content security policy is ${policy || "missing"}`);
    }
  });
  return { context, page, name };
}

async function log_in(page, typed) {
  await page.goto(url);
  await page.getByLabel("Password").fill(typed);
  await page.getByRole("button", { name: "Log in" }).click();
}

// A page as it stands now: its accessibility, and whether it fits.
async function judge({ page, name }, shot) {
  const where = `${name} ${shot}`;
  await page.evaluate(() => document.querySelectorAll("details").forEach((one) => (one.open = true)));
  const wide = await page.evaluate(
    () => document.scrollingElement.scrollWidth - document.documentElement.clientWidth,
  );
  if (wide > 0) note(where, `the page is ${wide} px wider than the window`);
  for (const date of await page.evaluate(broken_dates)) note(where, `a date is broken: ${date}`);
  if (shots) await page.screenshot({ path: join(shots, `${shot}-${name}.png`), fullPage: true });
  await files(page, where);
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => window.axe.run(document));
  for (const { id, impact, help, nodes } of violations) {
    if (impact === "serious" || impact === "critical") {
      note(where, `${impact}: ${id}: ${help}: ${nodes.map((node) => node.html).join(" ")}`);
    }
  }
}

// Dates that begin on one line and end on another.
function broken_dates() {
  const texts = document.createTreeWalker(document.querySelector("main"), NodeFilter.SHOW_TEXT);
  const broken = [];
  while (texts.nextNode()) {
    if (texts.currentNode.parentElement.closest("pre")) continue;
    for (const { 0: date, index } of texts.currentNode.data.matchAll(/\d{4}-\d\d-\d\d/g)) {
      const range = document.createRange();
      range.setStart(texts.currentNode, index);
      range.setEnd(texts.currentNode, index + date.length);
      const lines = new Set([...range.getClientRects()].map(({ top }) => Math.round(top)));
      if (lines.size > 1) broken.push(date);
    }
  }
  return broken;
}

// Behind each table, before the next one, is a link to the same as a file, which has its rows.
async function files(page, where) {
  const found = await page.evaluate(() => {
    const parts = [...document.querySelectorAll("main table, main a[href^='/csv/']")];
    return parts.flatMap((part, place) => {
      if (part.tagName !== "TABLE") return [];
      const next = parts[place + 1];
      const link = next?.tagName === "A" ? next.getAttribute("href") : null;
      return [{ name: part.parentElement.getAttribute("aria-label"), link }];
    });
  });
  for (const { name, link } of found) {
    if (!link) {
      note(where, `the table ${name} has no file`);
      continue;
    }
    const answer = await page.request.get(new URL(link, url).href);
    const rows = (await answer.text()).trim().split("\r\n").length - 1;
    if (!answer.ok() || rows < 1) note(where, `${link} has ${rows} rows, status ${answer.status()}`);
  }
}

// Whether something is to be seen, at once or after the page that comes.
const seen = (locator) =>
  locator.first().waitFor({ timeout: 10_000 }).then(() => true, () => false);

async function expect(where, what, promise) {
  if (!(await promise)) note(where, `it is not so that ${what}`);
}

// All pages that the navigation leads to, by clicks, and those below them.
async function visit(window) {
  const { page, name } = window;
  const links = page.getByRole("navigation").getByRole("link");
  const names = (await links.allTextContents()).slice(1);
  if (names.length < 5) note(name, `the navigation has only ${names}`);
  for (const text of names) {
    await page.getByRole("navigation").getByRole("link", { name: text, exact: true }).click();
    const current = page.locator("nav a[aria-current=page]", { hasText: text });
    await expect(name, `${text} is marked as the page`, seen(current));
    await judge(window, text.toLowerCase().replaceAll(" ", "-"));
  }
  await page.getByRole("link", { name: "Domains", exact: true }).click();
  await page.locator("tbody th a").first().click();
  await page.waitForURL("**/domains/*");
  await judge(window, "domain");
  await page.goto(`${url}/domains/mail.good.test`);
  await expect(name, "its MX hosts are shown", seen(page.getByRole("region", { name: "MX hosts" })));
  await judge(window, "roll-out");
  for (const [part, shot] of [["mx", "mx-hosts"], ["events", "changes"]]) {
    await page.goto(`${url}/domains/mail.good.test/${part}`);
    await judge(window, shot);
  }
  await page.getByRole("link", { name: "Reports", exact: true }).click();
  await page.locator("tbody a", { hasText: "No. " }).first().click();
  await page.waitForURL("**/reports/*");
  await judge(window, "report");
  for (const [group, pages] of [
    ["Our reports", ["Sessions by domain", "Doctor", "Deliveries"]],
    ["Enforce", ["Decisions", "Not reached securely", "Policies held"]],
  ]) {
    await page.getByRole("navigation").getByRole("link", { name: group, exact: true }).click();
    for (const text of pages) {
      await page.locator("p.beside").getByRole("link", { name: text, exact: true }).click();
      const current = page.locator("nav a[aria-current]", { hasText: group });
      await expect(name, `${group} is marked at ${text}`, seen(current));
      await judge(window, text.toLowerCase().replaceAll(" ", "-"));
    }
  }
  await page.getByRole("link", { name: "Incidents", exact: true }).click();
  await page.locator("tr", { hasText: "excepted.example" }).getByRole("link").first().click();
  await page.waitForURL("**/incidents/*");
  await expect(name, "an incident says what to do", seen(page.getByText("What to do")));
  await judge(window, "incident");
}

// What one does with mouse and keyboard.
async function use({ page, name }) {
  const has = (text) => seen(page.locator("main").getByText(text));

  // The keyboard alone: past the navigation, and on.
  await page.goto(url);
  await page.keyboard.press("Tab");
  const focused = () => page.evaluate(() => document.activeElement.textContent);
  await expect(name, "the first stop leads past the navigation", (await focused()).startsWith("Skip"));
  await page.keyboard.press("Enter");
  await expect(name, "the skip link leads to the content", page.url().endsWith("#content"));

  await page.goto(url);
  await page.getByLabel("Name").fill("OURS");
  await page.keyboard.press("Enter");
  await expect(name, "a search finds a domain", has("ours.example"));
  await page.getByLabel("Name").fill("<script>alert(1)</script>");
  await page.getByRole("button", { name: "Search" }).click();
  await expect(name, "a search finds no other", has("No domain has <script>alert(1)</script>"));

  await page.getByRole("link", { name: "Reports", exact: true }).click();
  await expect(name, "reports that count are shown", has("ours.example"));
  await page.getByLabel("Which").selectOption({ label: "about domains that are not ours" });
  await page.getByRole("button", { name: "Show" }).click();
  await expect(name, "a filter changes what is shown", has("other.example"));
  await expect(name, "the filter stays", page.getByLabel("Which").inputValue().then((v) => v === "not-ours"));
  await page.getByLabel("Which").selectOption({ label: "that count" });
  await page.getByLabel("about").fill("well.example");
  await page.getByLabel("with failures only").check();
  await page.getByRole("button", { name: "Show" }).click();
  await expect(name, "filters go together", has("There is none."));

  await page.goto(`${url}/domains/ours.example`);
  const bars = await page.locator("svg.plot g").count();
  await expect(name, "the plot has a bar for each day with sessions", bars === 1);
  await page.getByText("The numbers of each day").click();
  const days = page.locator("details", { hasText: "The numbers of each day" }).getByText("This table as CSV");
  await expect(name, "the table behind the plot opens", seen(days));
  const download = page.waitForEvent("download");
  await days.click();
  await expect(name, "the CSV is saved", (await download).suggestedFilename() === "sealpost.csv");
}

// A person gives his word.
async function lead({ page, name }) {
  await page.goto(`${url}/domains/mail.good.test`);
  await expect(name, "a proposal needs a person", seen(page.getByText("Needs you:")));
  await page.getByLabel("Move it to").selectOption("record");
  await page.getByRole("button", { name: "Move" }).click();
  const refused = await page.locator("#move-reason").evaluate((field) => field.matches(":invalid"));
  await expect(name, "a reason is asked for", refused);
  await page.getByLabel("because", { exact: true }).fill("the reports shall come");
  await page.getByRole("button", { name: "Move" }).click();
  await page.waitForURL("**/*#logbook");
  const logbook = await page.locator("dl.logbook").innerText();
  await expect(name, "the logbook names the reason", logbook.includes("the reports shall come"));
  const stage = await page.locator("li[aria-current=step]").textContent();
  await expect(name, "the stage is the new one", stage === "record");
}

// A person takes an incident in hand.
async function acknowledge(window) {
  const { page, name } = window;
  await page.goto(`${url}/incidents?domain=excepted.example`);
  await page.locator("tbody th a").click();
  await page.waitForURL("**/incidents/*");
  await page.getByText("Take it in hand").click();
  await page.getByLabel("Tell nobody of it again").fill("5");
  await page.getByRole("button", { name: "Acknowledge" }).click();
  const refused = await page.locator("#reason").evaluate((field) => field.matches(":invalid"));
  await expect(name, "a reason is asked for", refused);
  await page.getByLabel("because", { exact: true }).fill("<b>they</b> know");
  await page.getByRole("button", { name: "Acknowledge" }).click();
  await expect(name, "it is written down who has it", seen(page.locator("dd", { hasText: "the operator" })));
  await expect(name, "and why, harmlessly", seen(page.locator("dd bdi").getByText("<b>they</b> know")));
  await judge(window, "incident-in-hand");
  await page.getByRole("link", { name: "Activity", exact: true }).click();
  await expect(name, "and in the audit log", seen(page.locator("main").getByText("for 5 hours: <b>they</b> know")));
}

try {
  const first = await open("light", "light", desk);
  await first.page.goto(url);
  await judge(first, "log-in");
  await log_in(first.page, "not the password at all");
  const alert = first.page.getByRole("alert").getByText("not the password");
  await expect("light", "a wrong password is said", seen(alert));
  await log_in(first.page, password);
  await seen(first.page.getByRole("button", { name: "Log out" }));
  await visit(first);
  await use(first);

  // The same session, on other windows.
  const cookies = await first.context.cookies();
  for (const [name, scheme, viewport] of [
    ["dark", "dark", desk],
    ["phone", "light", phone],
  ]) {
    const window = await open(name, scheme, viewport);
    await window.context.addCookies(cookies);
    await window.page.goto(url);
    const ground = await window.page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const light = ground.match(/\d+/g).slice(0, 3).map(Number).every((part) => part > 127);
    await expect(name, `the ground is ${scheme}`, light === (scheme === "light"));
    await visit(window);
    await window.context.close();
  }

  await lead(first);
  await acknowledge(first);

  const session = cookies.find((cookie) => cookie.name === "sealpost");
  await expect("light", "no script can read the cookie", session?.httpOnly === true);
  const { page } = first;
  const cookie = await page.evaluate(() => document.cookie);
  await expect("light", "a page sees no cookie", cookie === "");
  await page.goto(url);
  await page.getByRole("button", { name: "Log out" }).click();
  await expect("light", "a log-out ends it", seen(page.getByLabel("Password")));
  await page.goBack();
  await page.goto(url);
  await expect("light", "and going back does not undo it", seen(page.getByLabel("Password")));
} catch (error) {
  note("look.mjs", error.stack);
} finally {
  await browser.close();
}
console.log(amiss.join("\n"));
process.exitCode = amiss.length === 0 ? 0 : 1;
