/** Debian's Chromium, as a person would look. */
import { mkdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { type Browser, chromium } from 'playwright-core'

const FLAGS =
  '--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync'

/** Pictures for the README go to `docs/pictures` when asked for (`ASSAY_PICTURES=1`), else beside the caches. */
const PICTURES = process.env['ASSAY_PICTURES'] === '1' ? 'docs/pictures' : '.cache/pictures'

export type Look = {
  readonly url: string
  readonly name: string
  readonly scheme: 'light' | 'dark' /** A text that must be seen before the picture is taken. */
  readonly shows: string | RegExp
}

export async function openBrowser(): Promise<
  AsyncDisposable & {
    readonly look: (look: Look) => Promise<{ readonly bytes: number; readonly complaints: readonly string[] }>
  }
> {
  const browser: Browser = await chromium.launch({
    executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
    args: FLAGS.split(' '),
  })
  return {
    async look({ url, name, scheme, shows }) {
      const page = await browser.newPage({ viewport: { width: 1440, height: 1000 }, colorScheme: scheme })
      // The demo is minutes old: its charts are best seen close up.
      await page.addInitScript(() => localStorage.setItem('assay-range', '5m'))
      const complaints: string[] = []
      page.on('console', (message) => {
        if (message.type() === 'error') complaints.push(message.text())
      })
      page.on('pageerror', (error) => complaints.push(error.message))
      await page.goto(url)
      await page.getByText(shows).first().waitFor({ timeout: 20_000 })
      // Charts are drawn when their data has come: two turns of the event stream are enough.
      await page.waitForTimeout(2500)
      await mkdir(PICTURES, { recursive: true })
      const path = join(PICTURES, `${name}.png`)
      await page.screenshot({ path })
      await page.close()
      return { bytes: (await stat(path)).size, complaints }
    },
    [Symbol.asyncDispose]: () => browser.close(),
  }
}
