/**
 * The pages in a real browser, against the stub: what `web/README.md` promises, held.
 * Needs Debian's Chromium and `web/dist` (`npm run build -w web`).
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'
import { openStub, type Stub } from './stub.ts'

const ARGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]
const PAGES = [
  '/',
  '/incidents',
  '/incidents/118',
  '/parts',
  '/parts/mes',
  '/tickets',
  '/tickets/41',
  '/policies',
  '/targets',
  '/explore?expr=up&unit=count',
  '/explore?expr=up&unit=count&view=now',
  '/explore?expr=rate(order_seconds[1m])&unit=seconds',
  '/explore?expr=order_seconds&unit=seconds&view=now',
  '/?chart=mes/p95',
]

/** Pixels by which the page is wider than its screen; the room kept for a scrollbar makes it narrower. */
const OVERFLOW = 'Math.max(0, document.documentElement.scrollWidth - document.documentElement.clientWidth)'

let browser: Browser
let context: BrowserContext
let stub: Stub
/** Everything the browser complained about, of all pages so far. */
const complaints: string[] = []

before(async () => {
  stub = await openStub(0, 'mes-slow')
  browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ARGS })
  context = await browser.newContext({ viewport: { width: 1440, height: 1000 } })
})

after(async () => {
  await browser?.close()
  await stub?.[Symbol.asyncDispose]()
})

/** A page at `path`, with its heading there. */
async function open(path: string): Promise<Page & AsyncDisposable> {
  const page = await context.newPage()
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(`${path}: ${message.text()}`)
  })
  page.on('pageerror', (error) => complaints.push(`${path}: ${error.message}`))
  await page.goto(`${stub.url}/#${path}`)
  await page.locator('main h1').waitFor()
  return Object.assign(page, { [Symbol.asyncDispose]: async () => await page.close() })
}

/**
 * Waits until an expression holds in the page. Not by Playwright's `waitForFunction`: when it does not hold at once, that one asks again by
 * `eval` from within the page, which its Content-Security-Policy rightly refuses.
 */
async function holds(page: Page, expression: string): Promise<void> {
  const deadline = performance.now() + 10_000
  while (!(await page.evaluate(`Boolean(${expression})`))) {
    assert.ok(performance.now() < deadline, `${expression} holds within 10 s`)
    await page.waitForTimeout(20)
  }
}

test('every page opens without a complaint of the browser, and none is wider than the screen', async () => {
  await using page = await open('/')
  for (const path of PAGES) {
    await page.goto(`${stub.url}/#${path}`)
    await page.locator('main h1').waitFor()
    await page.locator('.bones').first().waitFor({ state: 'detached' })
    assert.equal(await page.evaluate(OVERFLOW), 0, `${path} is wider than the screen`)
  }
  assert.deepEqual(complaints, [])
})

test('a phone shows every page without scrolling sideways', async () => {
  const phone = await browser.newContext({ viewport: { width: 390, height: 844 } })
  const page = await phone.newPage()
  for (const path of PAGES) {
    await page.goto(`${stub.url}/#${path}`)
    await page.locator('main h1').waitFor()
    const overflow = await page.evaluate(OVERFLOW)
    assert.equal(overflow, 0, `${path} is wider than a phone`)
  }
  await phone.close()
})

test('the overview says the sentence first, and every part with its state in words', async () => {
  await using page = await open('/')
  await page.locator('main h1', { hasText: 'mes answers slowly.' }).waitFor()
  await page.locator('article[aria-label]').nth(7).waitFor()
  assert.equal(await page.locator('article[aria-label]').count(), 8)
  assert.equal(await page.locator('article[aria-label="mes, verifying"]').count(), 1)
  await page.locator('.edge path').nth(11).waitFor({ state: 'attached' })
})

test('a number is a door to its chart, and closing it leads back', async () => {
  await using page = await open('/')
  await page.locator('article[aria-label^="mes,"] a.signal').nth(2).click()
  await page.getByRole('dialog').getByText('limit').or(page.getByRole('dialog').locator('canvas')).first().waitFor()
  await page.waitForURL(/chart=mes(%2F|\/)p95/)
  await page.keyboard.press('Escape')
  await page.getByRole('dialog').waitFor({ state: 'detached' })
  await page.waitForURL((url) => !url.href.includes('chart='))
})

test('the keyboard goes everywhere: g i, ?, Ctrl K', async () => {
  await using page = await open('/')
  await page.keyboard.press('g')
  await page.keyboard.press('i')
  await page.getByRole('heading', { name: 'One incident is open.' }).waitFor()
  await page.keyboard.press('?')
  await page.getByRole('dialog').getByText('Keys and words').waitFor()
  await page.keyboard.press('Escape')
  await page.getByRole('dialog').waitFor({ state: 'detached' })
  await page.keyboard.press('Control+k')
  await page.getByPlaceholder('A part, an incident').fill('broker')
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { name: 'broker' }).waitFor()
})

test('what a person is asked shows exactly what would be done, and is done once they say so', async () => {
  stub.show('approval')
  await using page = await open('/incidents/118')
  await page.getByRole('button', { name: 'Approve …' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByText('Scale mes from 2 to 3 instances on pm2 (bounds 1 to 4)').waitFor()
  await dialog.getByText('scale-mes-3').waitFor()
  await dialog.getByRole('button', { name: 'Approve' }).click()
  await page.locator('.step-now', { hasText: 'verifying' }).waitFor()
})

test('histograms over time are a heatmap of one series, and another can be chosen', async () => {
  stub.show('well')
  await using page = await open('/explore?expr=rate(order_seconds[1m])&unit=seconds')
  const heat = page.locator('.heat .plot')
  await heat.locator('canvas').waitFor()
  assert.match((await heat.getAttribute('aria-label')) ?? '', /A heatmap of \d+ instants and \d+ buckets\./)
  assert.match((await heat.getAttribute('aria-label')) ?? '', /No data for \d+ % of the range/)
  await page.getByText('one of 2 series').waitFor()
  await page.getByText('◆ 3 exemplars').waitFor()
  await page.getByRole('combobox', { name: 'Series shown, of 2' }).click()
  await page.getByRole('option', { name: 'order_seconds{service="shop"}' }).click()
  await page.getByText('list them').click()
  await page.getByText('trace_id="shop-50"').waitFor()
})

test('the arrow keys move over the cells of a heatmap, and what is there is said', async () => {
  await using page = await open('/explore?expr=rate(order_seconds[1m])&unit=seconds')
  const heat = page.locator('.heat .plot')
  await heat.locator('canvas').waitFor()
  await page.locator('.heat-readout', { hasText: /^last/ }).waitFor()
  await heat.focus()
  await page.keyboard.press('ArrowLeft')
  await page.locator('.heat-mark:not([hidden])').waitFor()
  await page.locator('.heat-readout', { hasText: /above .* to .*: / }).waitFor()
  await page.keyboard.press('Tab')
  await page.locator('.heat-mark[hidden]').waitFor({ state: 'attached' })
})

test('a heatmap is also lines, which are a question of their own', async () => {
  await using page = await open('/explore?expr=rate(order_seconds[1m])&unit=seconds')
  await page.locator('.heat canvas').waitFor()
  const asked = page.waitForRequest((request) => request.url().includes('histogram_quantile'))
  await page.getByText('quantiles', { exact: true }).click()
  await asked
  await page.getByText('p50, p90 and p99').waitFor()
  await page.locator('.heat').waitFor({ state: 'detached' })
})

test('a histogram at one instant is a small picture that opens to its buckets', async () => {
  await using page = await open('/explore?expr=order_seconds&unit=seconds&view=now')
  const row = page.getByRole('row', { name: /order_seconds\{service="mes"\}/ })
  await row.getByRole('img', { name: /\d+ observations, .* on average, \d+ buckets from/ }).waitFor()
  await row.getByRole('button').focus()
  await page.keyboard.press('Enter')
  const buckets = page.getByRole('region', { name: 'Buckets' })
  await buckets.getByRole('cell', { name: /^−1.ms to 1.ms$/ }).waitFor()
  await page.keyboard.press('Enter')
  await buckets.waitFor({ state: 'detached' })
})

test('what the engine remarks is text under the question, underlined at its place, and leads there', async () => {
  await using page = await open('/explore?expr=rate(order_seconds[1m])&unit=seconds')
  const notes = page.getByRole('list', { name: 'What the engine says' })
  await notes.getByText('metric might not be a counter').waitFor()
  await page.locator('.cm-content .underline-info', { hasText: /^order_seconds$/ }).waitFor()
  await notes.getByRole('button', { name: '1:6' }).click()
  await holds(page, "getSelection().toString() === 'order_seconds'")
})

test('an error stands at its place; editing takes the underline away, asking again heals it', async () => {
  const before = complaints.length
  await using page = await open('/explore?expr=sum(up&unit=count')
  const notes = page.getByRole('list', { name: 'What the engine says' })
  await notes.getByText('unclosed left parenthesis; close it, or remove it').waitFor()
  await page.locator('.cm-content .underline-error').waitFor()
  await page.locator('.cm-content').click()
  await page.keyboard.press('End')
  await page.keyboard.type(')')
  await page.locator('.cm-content .underline-error').waitFor({ state: 'detached' })
  await page.keyboard.press('Enter')
  await page.waitForURL(/expr=sum%28up%29/)
  await notes.waitFor({ state: 'detached' })
  // The browser itself says that an answer was 400; that is no fault of the page.
  for (const text of complaints.splice(before)) assert.match(text, /status of 400/)
})

test('the editor completes what PromQL and the server know', async () => {
  await using page = await open('/explore')
  await page.locator('.cm-content').click()
  await page.keyboard.type('mad_o')
  // By the mouse: the keys are not heard in the list's first 75 ms, so that no one takes what they have not seen.
  await page.getByRole('option', { name: 'mad_over_time' }).click()
  await page.locator('.cm-content', { hasText: 'mad_over_time' }).waitFor()
  await page.keyboard.type('(order_')
  await page.getByRole('option', { name: 'order_seconds' }).waitFor()
})

test('the loop is paused only after a yes', async () => {
  stub.show('well')
  await using page = await open('/')
  await page.getByRole('button', { name: 'Loop: auto' }).click()
  await page.getByRole('button', { name: 'Pause the loop' }).click()
  await page.getByRole('button', { name: 'Loop: paused' }).click()
  await page.getByRole('button', { name: 'Resume the loop' }).click()
  await page.getByRole('button', { name: 'Loop: auto' }).waitFor()
})

test('what is blind is shown as blind, without a number', async () => {
  stub.show('crm-db-blind')
  await using page = await open('/')
  const card = page.locator('article[aria-label="crm db, blind"]')
  await card.getByText('password refused').waitFor()
  assert.deepEqual(await card.locator('.figure-unit').allTextContents(), ['no data', 'no data'])
})

test('a lost connection is said, dated, and greys what is no longer known; it heals by itself', async () => {
  stub.show('well')
  await using page = await open('/')
  await page.getByText('live', { exact: false }).first().waitFor()
  stub.breakDown()
  await page.getByText(/connection lost, last data \d\d:\d\d:\d\d/).waitFor()
  await page.locator('main h1', { hasText: /At \d\d:\d\d:\d\d: All is well/ }).waitFor()
  // The greying is a transition: what counts is where it ends.
  await holds(page, "Number(getComputedStyle(document.querySelector('.live-number')).opacity) < 0.5")
  stub.mend()
  await page.locator('.live-ok').waitFor()
  await holds(page, "!document.documentElement.hasAttribute('data-stale')")
})
