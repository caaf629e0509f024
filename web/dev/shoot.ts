/**
 * Takes pictures of the pages with Debian's Chromium, and fails on a console error or a breach of the content security
 * policy. For looking at: what a page weighs and how it reads is judged by eye.
 *
 *   node --conditions=assay-src web/dev/shoot.ts --base http://127.0.0.1:5301 --out DIR [--only overview] [--scenario mes-slow]
 */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { chromium } from 'playwright-core'

const { values: args } = parseArgs({
  options: {
    base: { type: 'string', default: 'http://127.0.0.1:5301' },
    out: { type: 'string', default: 'shots' },
    only: { type: 'string', default: '' },
    scenario: { type: 'string' },
    sizes: { type: 'string', default: 'desk' },
    schemes: { type: 'string', default: 'light,dark' },
  },
})
const SIZES: Readonly<Record<string, { width: number; height: number }>> = {
  desk: { width: 1440, height: 1000 },
  wide: { width: 1920, height: 1080 },
  phone: { width: 390, height: 844 },
}
const PAGES: Readonly<Record<string, string>> = {
  overview: '/',
  incidents: '/incidents',
  incident: '/incidents/118',
  parts: '/parts',
  part: '/parts/mes',
  tickets: '/tickets',
  ticket: '/tickets/41',
  policies: '/policies',
  targets: '/targets',
  explore: '/explore?expr=rate(http_server_request_duration_seconds_count[1m])&unit=per_second',
  door: '/?chart=mes/p95',
}

await mkdir(args.out, { recursive: true })
if (args.scenario !== undefined) await fetch(`${args.base}/stub/scenario/${args.scenario}`, { method: 'POST' })
const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  args: [
    '--headless',
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
  ],
})
const complaints: string[] = []
for (const size of args.sizes.split(',')) {
  for (const scheme of args.schemes.split(',')) {
    const context = await browser.newContext({
      viewport: SIZES[size] ?? SIZES['desk']!,
      colorScheme: scheme === 'dark' ? 'dark' : 'light',
      deviceScaleFactor: size === 'phone' ? 2 : 1,
    })
    const page = await context.newPage()
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning')
        complaints.push(`${size} ${scheme}: ${message.text()}`)
    })
    page.on('pageerror', (error) => complaints.push(`${size} ${scheme}: ${error.message}`))
    for (const [name, path] of Object.entries(PAGES)) {
      if (args.only !== '' && !args.only.split(',').includes(name)) continue
      await page.goto(`${args.base}/#${path}`)
      await page.waitForSelector('main h1', { timeout: 8000 }).catch(() => complaints.push(`${name}: no heading came`))
      await page.waitForTimeout(900)
      const overflow = await page.evaluate(
        () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
      )
      if (overflow > 0) complaints.push(`${name} ${size}: ${overflow} px wider than the screen`)
      await page.screenshot({ path: join(args.out, `${name}-${size}-${scheme}.png`), fullPage: size === 'phone' })
    }
    await context.close()
  }
}
await browser.close()
for (const text of new Set(complaints)) process.stdout.write(`! ${text}\n`)
process.exitCode = complaints.length > 0 ? 1 : 0
