/**
 * A scraper that lives among targets that do everything wrong: the real `assay serve`, over HTTP. Of each, `up` and `scrape_*` say the
 * truth and the reason names the place; targets beside it are scraped on time, and the memory of the process stays bounded.
 */
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { directoryOf, type Served, serve } from '../support/serve.ts'
import { BAD_TARGETS, SLOW_TARGETS } from './bad-targets.ts'

const PATIENCE_MS = 60_000
/** Scrapes of each bad target that are waited for: the second one finds what the first one left. */
const TURNS = 2
const HEALTHY = 3
/** A healthy target's page is asked for every two seconds; one that waited for the bad ones would wait for minutes, not for a busy machine. */
const MOST_BETWEEN_MS = 10_000
/** Processor time of the process for all of them; an input that takes time without bounds takes all there is. (6 s were seen.) */
const MOST_CPU_SECONDS = 60
/** What they may cost at once: four pages of up to 50 MB come in parallel. (At most 330 MB were seen.) */
const MOST_MEMORY_MB = 800

type TargetWire = { readonly scrapePool: string; readonly health: string; readonly lastError: string }

describe('a live scraper among bad targets', () => {
  const owned = new AsyncDisposableStack()
  const scrapes = new Map<string, number[]>()
  let served: Served
  let highest = 0

  before(async () => {
    const server = createServer((request, response) => {
      const name = (request.url ?? '').slice(1)
      const seen = scrapes.get(name) ?? []
      scrapes.set(name, [...seen, performance.now()])
      response.on('error', () => undefined)
      if (name.startsWith('healthy'))
        response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4' }).end('fine 1\n')
      else BAD_TARGETS[Number(name.slice(3))]?.reply(response, seen.length)
    })
    server.on('clientError', (_error, socket) => socket.destroy())
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
    owned.defer(async () => {
      server.closeAllConnections()
      await new Promise((done) => server.close(done))
    })
    const host = `127.0.0.1:${(server.address() as AddressInfo).port}`
    const job = (name: string, settings = '') =>
      `  - { job_name: ${name}, metrics_path: /${name}, static_configs: [{ targets: ['${host}'] }], extra_scrape_metrics: true${settings} }`
    const config = [
      'scrape_configs:',
      ...Array.from({ length: HEALTHY }, (_, i) => job(`healthy${i}`, ', scrape_interval: 2s, scrape_timeout: 2s')),
      ...BAD_TARGETS.map(({ settings = '' }, i) => {
        // What is large needs its time on a busy machine; what is slow is given none.
        const timeout = SLOW_TARGETS.has(i) ? '1s' : '4s'
        const times = settings.includes('scrape_interval') ? '' : `, scrape_interval: 4s, scrape_timeout: ${timeout}`
        return job(`bad${i}`, `${times}${settings === '' ? '' : `, ${settings}`}`)
      }),
    ].join('\n')
    const directory = owned.use(await directoryOf({ 'prometheus.yml': config }))
    served = owned.use(
      await serve([
        '--config',
        join(directory.path, 'prometheus.yml'),
        '--data',
        join(directory.path, 'data'),
        '--listen',
        '127.0.0.1:0',
      ]),
    )
  })
  after(() => owned.disposeAsync())

  const get = async <T>(path: string): Promise<T> => {
    const answer = await fetch(`${served.url}/api/v1/${path}`)
    const body = (await answer.json()) as { readonly status: string; readonly data: T; readonly error?: string }
    assert.equal(body.status, 'success', `${body.error}`)
    return body.data
  }
  const value = async (query: string) => {
    const { result } = await get<{ result: { value: [number, string] }[] }>(`query?${new URLSearchParams({ query })}`)
    return result[0]?.value[1]
  }
  const targetOf = async (pool: string) => {
    const { activeTargets } = await get<{ activeTargets: TargetWire[] }>('targets?state=active')
    return activeTargets.find((one) => one.scrapePool === pool)
  }
  /** User and system time of the process so far, where the system tells. */
  const cpuSeconds = async () => {
    const text = await readFile(`/proc/${served.child.pid}/stat`, 'utf8').catch(() => '')
    // Behind the name in parentheses, counted from the state: the 12th and the 13th, in hundredths of a second.
    const [user = 0, system = 0] = text
      .slice(text.lastIndexOf(')') + 2)
      .split(' ')
      .slice(11, 13)
      .map(Number)
    return (user + system) / 100
  }
  /** Bytes of the process now, where the system tells. */
  const memoryOf = async () => {
    const text = await readFile(`/proc/${served.child.pid}/status`, 'utf8').catch(() => '')
    const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(text)?.[1]
    return kilobytes === undefined ? undefined : Number(kilobytes) / 1024
  }
  const until = async (holds: () => boolean | Promise<boolean>, what: string) => {
    const end = performance.now() + PATIENCE_MS
    while (!(await holds())) {
      assert.ok(performance.now() < end, `not in time: ${what}`)
      highest = Math.max(highest, (await memoryOf()) ?? 0)
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
  const recordedTwice = async (job: string) =>
    Number((await value(`count_over_time(up{job="${job}"}[10m])`)) ?? 0) >= TURNS

  for (const [i, { name, down, scraped, sizeBytes, finds = [] }] of BAD_TARGETS.entries()) {
    const job = `bad${i}`
    test(`${down === undefined ? 'taken' : 'refused'}: ${name}`, async () => {
      await until(() => recordedTwice(job), name)
      // A busy machine may have been too slow for one scrape; the next one says what is wrong.
      const says = (found: TargetWire | undefined) =>
        down === undefined ? found?.health === 'up' : down.test(found?.lastError ?? '')
      let target = await targetOf(job)
      for (let i = 0; i < 100 && !says(target); i++) {
        await new Promise((resolve) => setTimeout(resolve, 100))
        target = await targetOf(job)
      }
      assert.equal(
        await value(`max_over_time(up{job="${job}"}[10m])`),
        down === undefined ? '1' : '0',
        `${target?.lastError}`,
      )
      assert.equal(target?.health, down === undefined ? 'up' : 'down')
      if (down === undefined) assert.equal(target?.lastError, '')
      else assert.match(target?.lastError ?? '', down)
      assert.ok((target?.lastError.length ?? 0) < 1000, 'a reason is a sentence, however long what is wrong')
      if (scraped !== undefined) assert.equal(await value(`scrape_samples_scraped{job="${job}"}`), String(scraped))
      if (sizeBytes !== undefined) assert.equal(await value(`scrape_body_size_bytes{job="${job}"}`), String(sizeBytes))
      const seconds = Number(await value(`max_over_time(scrape_duration_seconds{job="${job}"}[10m])`))
      assert.ok(seconds > 0, `${seconds} s`)
      for (const [query, expected] of finds)
        assert.equal(await value(query.replaceAll('$', `job="${job}"`)), expected, query)
    })
  }

  test('all the while the healthy ones were scraped on time, and at most one of each failed', async () => {
    for (let i = 0; i < HEALTHY; i++) {
      const job = `healthy${i}`
      const times = scrapes.get(job) ?? []
      const gaps = times.slice(1).map((at, n) => at - times[n]!)
      assert.ok(times.length >= 5)
      assert.ok(Math.max(...gaps) < MOST_BETWEEN_MS, `${Math.max(...gaps)} ms between two scrapes`)
      assert.ok(gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length < 4000, 'as often as it should')
      // A busy machine may be too slow for one; those that wait for others would be down again and again.
      const failed = Number(
        await value(`count_over_time(up{job="${job}"}[10m]) - sum_over_time(up{job="${job}"}[10m])`),
      )
      assert.ok(failed <= 1, `${failed} scrapes failed`)
    }
  })

  test('what was refused is counted', async () => {
    const page = await (await fetch(`${served.url}/metrics`)).text()
    const counted = (name: string) => Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(page)?.[1])
    for (const name of [
      'prometheus_target_scrapes_sample_out_of_order_total',
      'prometheus_target_scrapes_sample_duplicate_timestamp_total',
      'prometheus_target_scrapes_exceeded_body_size_limit_total',
      'prometheus_target_scrapes_exceeded_sample_limit_total',
      'assay_scrape_parse_errors_total',
    ])
      assert.ok(counted(name) > 0, name)
  })

  test('memory and time stayed bounded, and the process ends as it should', async (t) => {
    t.diagnostic(`at most ${Math.round(highest)} MB`)
    assert.ok(highest < MOST_MEMORY_MB, `${highest} MB`)
    const seconds = await cpuSeconds()
    t.diagnostic(`${seconds} s of CPU`)
    assert.ok(seconds < MOST_CPU_SECONDS, `${seconds} s of CPU`)
    assert.equal((await fetch(`${served.url}/-/healthy`)).status, 200)
    assert.doesNotMatch(served.output(), /BUG:/)
    assert.equal(await served.stop(), 0)
  })
})
