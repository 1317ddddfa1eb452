// Takes the pictures of the README: pages of a lab that is open, by light and by dark.
//
//   picture.mjs MODULES URL FOLDER

import { createRequire } from "node:module";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";

const [modules, url, folder] = process.argv.slice(2);
const require = createRequire(join(modules, "node_modules", "/"));
const { chromium } = require("playwright-core");

const window = { width: 900, height: 780 };
const pictures = [
  ["domains", "/", "light", { width: 1280, height: 1140 }],
  ["domain", "/domains/mx-not-covered.test", "light", { width: 900, height: 1000 }],
  ["domain-dark", "/domains/good-two-mx.test", "dark", window],
];

await mkdir(folder, { recursive: true });
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
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
  ],
});
try {
  for (const [name, path, colorScheme, viewport] of pictures) {
    const context = await browser.newContext({ colorScheme, viewport, reducedMotion: "reduce" });
    const page = await context.newPage();
    const answer = await page.goto(new URL(path, url).href);
    if (!answer.ok()) throw new Error(`${path}: ${answer.status()}`);
    await page.screenshot({ path: join(folder, `${name}.png`) });
    await context.close();
  }
} finally {
  await browser.close();
}
