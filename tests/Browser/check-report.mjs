// Opens a report as a reader would and says what happened, as JSON: node check-report.mjs REPORT CHROMIUM [PICTURES]
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';

const [report, executablePath, pictures] = process.argv.slice(2);
const address = pathToFileURL(report).href;
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] });

async function visit(name, options) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const problems = [], requests = [], dialogs = [];
  page.on('console', m => { if (m.type() === 'error' || m.type() === 'warning') problems.push(m.text()); });
  page.on('pageerror', e => problems.push(String(e)));
  page.on('request', r => { if (r.url() !== address && !r.url().startsWith('data:') && !r.url().startsWith('blob:')) requests.push(r.url()); });
  page.on('dialog', d => { dialogs.push(d.message()); d.dismiss(); });
  await page.goto(address);
  const scripted = options.javaScriptEnabled !== false;
  if (scripted) await page.waitForFunction(() => document.documentElement.dataset.drawn !== undefined, null, { timeout: 60000 });
  const seen = await (scripted ? page.evaluate(() => {
    const shown = e => e.getClientRects().length > 0;
    return {
      figures: document.querySelectorAll('figure').length,
      drawn: [...document.querySelectorAll('figure')].filter(f => f.querySelectorAll('.live .trace path').length > 0).length,
      stills: [...document.querySelectorAll('.still')].filter(shown).length,
      overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth,
      strangers: document.querySelectorAll('figure img, figure iframe, figure a[href^="java"], table img, table script, h1 img, h2 img').length,
      owned: window.lowrankOwned === true,
    };
  }) : { stills: await page.locator('.still svg').count(), rows: await page.locator('details tbody tr').count() });
  let faults = [];
  if (scripted) {
    await page.evaluate(axe);
    const result = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }));
    faults = result.violations.filter(v => v.impact === 'serious' || v.impact === 'critical').map(v => `${v.id}: ${v.nodes[0].html.slice(0, 160)} ${v.nodes[0].failureSummary}`);
  }
  if (pictures) await page.screenshot({ path: `${pictures}/${name}.png`, fullPage: true });
  await context.close();
  return { name, problems, requests, dialogs, faults, ...seen };
}

const desk = { viewport: { width: 1280, height: 900 } }, phone = { viewport: { width: 390, height: 844 }, isMobile: true };
const visits = [
  await visit('light', { ...desk, colorScheme: 'light' }),
  await visit('dark', { ...desk, colorScheme: 'dark' }),
  await visit('phone', { ...phone, colorScheme: 'light' }),
  await visit('still', { ...desk, colorScheme: 'dark', javaScriptEnabled: false }),
];
await browser.close();
console.log(JSON.stringify(visits));
