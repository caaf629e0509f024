/** `assay import --from-prometheus`: after it, every question is answered as the real Prometheus answered it. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdir, open, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { compressSync } from 'snappy'
import { Labels, type NativeHistogram, NO_BOUNDS, NO_BUCKETS } from '#core'
import { ask } from './http-api/both.ts'
import { encodeWrite, type Written } from './http-api/write.ts'
import { peersMissing, startPrometheus } from './support/prometheus3.ts'
import { directoryOf, serve } from './support/serve.ts'

const STEP_S = 15
/** More of them: `ASSAY_IMPORT_KILLS=200`. */
const KILLS = Number(process.env['ASSAY_IMPORT_KILLS'] ?? 3)
/** An hour and a half ago, so that all of it lies in the head. */
const AT = Math.floor(Date.now() / 60_000) * 60 - 5400

function histogram(k: number, over: Partial<NativeHistogram> = {}): NativeHistogram {
  const counts = Float64Array.of(k, 2 * k, 3)
  return {
    schema: 2,
    zeroThreshold: 1e-3,
    zeroCount: k,
    count: 4 * k + 3,
    sum: k * 1.5,
    positive: { indices: Int32Array.of(0, 1, 5), counts },
    negative: NO_BUCKETS,
    customBounds: NO_BOUNDS,
    resetHint: 'unknown',
    isInteger: true,
    ...over,
  }
}

const steps = (count: number) => Array.from({ length: count }, (_, k) => k)
const WRITTEN: readonly Written[] = [
  ...steps(30).map((i) => ({
    labels: Labels.of({ __name__: 'requests_total', i: `${i}`, 'é.x': i % 2 === 0 ? '🦊' : '' }),
    samples: steps(240).map((k) => (k * (i + 1)) % 1000),
  })),
  {
    labels: Labels.of({ __name__: 'odd' }),
    samples: steps(240).map((k) => [Number.NaN, Infinity, -Infinity, -0, 0.1 * k, 1e300][k % 6]!),
  },
  { labels: Labels.of({ __name__: 'native' }), samples: steps(240).map((k) => histogram(k % 100)) },
  {
    labels: Labels.of({ __name__: 'layouts' }),
    samples: steps(240).map((k) =>
      histogram(
        k,
        k % 50 < 25 ? {} : { positive: { indices: Int32Array.of(0, 3, 9), counts: Float64Array.of(k, 2 * k, 3) } },
      ),
    ),
  },
  { labels: Labels.of({ __name__: 'deleted' }), samples: steps(240) },
  { labels: Labels.of({ __name__: 'shortened' }), samples: steps(240) },
]

const END = AT + 240 * STEP_S
const QUESTIONS = [
  ...[
    'requests_total[2h]',
    'odd[2h]',
    'native[2h]',
    'layouts[2h]',
    'deleted[2h]',
    'shortened[2h]',
    '{__name__=~".+"}[1m]',
  ],
  ...['sum by (i) (rate(requests_total[5m]))', 'histogram_quantile(0.9, rate(native[10m]))', 'increase(layouts[20m])'],
].flatMap((query) => [END, AT + 1800].map((time) => `/api/v1/query?query=${encodeURIComponent(query)}&time=${time}`))

async function answersOf(url: string): Promise<readonly unknown[]> {
  const found: unknown[] = []
  for (const path of [...QUESTIONS, `/api/v1/series?match[]={__name__=~".%2B"}&start=${AT}&end=${END}`])
    found.push(inOrder((await ask(url, { path }, AT)).body))
  return found
}

/** Groups come in no order from Prometheus. */
function inOrder(answer: unknown): unknown {
  const result: unknown = Object(Object(answer).data).result
  if (!Array.isArray(result)) return answer
  const key = (one: unknown) => JSON.stringify(Object(one).metric)
  return result.toSorted((a, b) => (key(a) < key(b) ? -1 : 1))
}

async function write(url: string, series: readonly Written[]): Promise<void> {
  const response = await fetch(`${url}/api/v1/write`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-protobuf', 'content-encoding': 'snappy' },
    body: new Uint8Array(compressSync(encodeWrite(series, AT * 1000))),
  })
  assert.ok(response.ok, `${response.status} ${await response.text()}`)
}

async function importInto(
  from: string,
  data: string,
  more: readonly string[] = [],
  killAfterMs?: number,
): Promise<{ readonly code: number; readonly output: string }> {
  const args = ['--conditions=assay-src', 'src/cli/main.ts', 'import', '--from-prometheus', from, '--data', data]
  const child = spawn(process.execPath, [...args, ...more], { stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (bytes: Buffer) => (output += bytes))
  const timer = killAfterMs === undefined ? undefined : setTimeout(() => child.kill('SIGKILL'), killAfterMs)
  const [code] = await once(child, 'close')
  clearTimeout(timer)
  return { code, output }
}

async function run(command: string, ...args: readonly string[]): Promise<number> {
  const [code] = await once(spawn(command, args, { stdio: 'ignore' }), 'close')
  return code
}

async function answersAfter(data: string): Promise<readonly unknown[]> {
  await using config = await directoryOf({ 'prometheus.yml': '' })
  await using assay = await serve([
    '--config',
    `${config.path}/prometheus.yml`,
    '--data',
    data,
    '--listen',
    '127.0.0.1:0',
  ])
  return await answersOf(assay.url)
}

test(
  'a snapshot, a stopped Prometheus and its log are imported: every question is answered as before, and nothing comes twice',
  {
    skip: await peersMissing(),
  },
  async (t) => {
    await using directory = await directoryOf({})
    const at = (name: string) => join(directory.path, name)
    let expected: readonly unknown[]
    {
      await using prometheus = await startPrometheus({
        features: ['native-histograms'],
        args: ['--web.enable-admin-api'],
        config: 'storage: { tsdb: { out_of_order_time_window: 2h } }',
      })
      await write(prometheus.url, WRITTEN)
      await write(prometheus.url, [
        { labels: Labels.of({ __name__: 'late' }), samples: steps(20).map((k) => (k < 10 ? k : histogram(k))) },
      ])
      const admin = async (path: string) => {
        const response = await fetch(`${prometheus.url}/api/v1/admin/tsdb/${path}`, { method: 'POST' })
        const text = await response.text()
        assert.ok(response.ok, text)
        return text === '' ? '' : String(JSON.parse(text).data.name)
      }
      await admin('delete_series?match[]=deleted')
      await admin(`delete_series?match[]=shortened&start=${AT + 600}&end=${AT + 900}`)
      expected = await answersOf(prometheus.url)
      const { directory: home } = prometheus.process
      const name = await admin('snapshot')
      await cp(join(home, 'data/snapshots', name), at('snapshot'), { recursive: true })

      const running = await importInto(join(home, 'data'), at('refused'))
      assert.deepEqual(
        [running.code, running.output.includes('a running Prometheus writes to')],
        [2, true],
        running.output,
      )

      prometheus.process.child.kill('SIGTERM')
      await once(prometheus.process.child, 'exit')
      await cp(join(home, 'data'), at('stopped'), { recursive: true })
    }
    const seriesless = (answers: readonly unknown[]) => answers.slice(0, -1)

    for (const [name, what] of [
      ['snapshot', 'blocks'],
      ['stopped', 'the log'],
    ] as const) {
      await t.test(what, async () => {
        const first = await importInto(at(name), at(`from-${name}`))
        assert.equal(first.code, 0, first.output)
        const answers = await answersAfter(at(`from-${name}`))
        for (const [i, answer] of seriesless(answers).entries())
          assert.deepEqual(answer, expected[i], QUESTIONS[i] ?? '')
        const second = await importInto(at(name), at(`from-${name}`))
        assert.match(second.output, /nothing was added/)
        assert.deepEqual(await answersAfter(at(`from-${name}`)), answers)
      })
    }

    await t.test('a directory in use is refused, and says what to do', async () => {
      await using config = await directoryOf({ 'prometheus.yml': '' })
      await using _assay = await serve([
        '--config',
        `${config.path}/prometheus.yml`,
        '--data',
        at('from-snapshot'),
        '--listen',
        '127.0.0.1:0',
      ])
      const { code, output } = await importInto(at('snapshot'), at('from-snapshot'))
      assert.deepEqual(
        [code, /in use by process \d+.*stop it, import, and start it again/.test(output)],
        [2, true],
        output,
      )
    })

    await t.test('a changed byte in chunks, index or log costs what it lies in, and is told', async () => {
      const [block] = (await readdir(at('snapshot'))).filter((name) => /^[0-9A-Z]{26}$/.test(name))
      const flips = [
        ['snapshot', join(block!, 'chunks', '000001')],
        ['snapshot', join(block!, 'index')],
        ['stopped', join('wal', '00000000')],
      ] as const
      for (const [i, [name, file]] of flips.entries()) {
        await cp(at(name), at(`flipped-${i}`), { recursive: true })
        const path = join(at(`flipped-${i}`), file)
        const bytes = await readFile(path)
        const place = Math.floor(bytes.length * 0.4)
        bytes[place] = bytes[place]! ^ 0x55
        await writeFile(path, bytes)
        const { code, output } = await importInto(at(`flipped-${i}`), at(`from-flipped-${i}`))
        assert.deepEqual([code, output.includes('left out: damaged')], [1, true], `${file}: ${output}`)
      }
    })

    await t.test(`killed at ${KILLS} moments, the next run finishes it and nothing comes twice`, async () => {
      for (let kill = 0; kill < KILLS; kill++) {
        const data = at(`killed-${kill}`)
        await importInto(at('snapshot'), data, [], 200 + Math.random() * 1200)
        const again = await importInto(at('snapshot'), data)
        assert.equal(again.code, 0, again.output)
        assert.match((await importInto(at('snapshot'), data)).output, /nothing was added/)
        if (kill > 0) continue
        const answers = await answersAfter(data)
        for (const [i, answer] of seriesless(answers).entries())
          assert.deepEqual(answer, expected[i], QUESTIONS[i] ?? '')
      }
    })

    await t.test('on a full disk it says so, and goes on from there once there is room', async () => {
      const small = at('small')
      await mkdir(small)
      // Only root may mount one; elsewhere there is nothing to fill.
      if ((await run('mount', '-t', 'tmpfs', '-o', 'size=160k', 'assay-test', small)) !== 0) return
      try {
        // Three pages are left: a directory takes two, a block one for each of its three files, however little is in them.
        await writeFile(join(small, 'ballast'), Buffer.alloc(148 * 1024))
        const full = await importInto(at('snapshot'), join(small, 'data'))
        assert.deepEqual([full.code, /no space/.test(full.output)], [2, true], full.output)
        await rm(join(small, 'ballast'))
        const { code, output } = await importInto(at('snapshot'), join(small, 'data'))
        assert.equal(code, 0, output)
      } finally {
        await run('umount', small)
      }
    })

    await t.test('what is no directory of Prometheus is refused with a sentence', async () => {
      await (await open(at('file'), 'w')).close()
      for (const [from, says] of [
        [at('nothing'), /cannot be read/],
        [at('file'), /cannot be read/],
        [at('from-snapshot'), /assay's own data directory/],
        [directory.path, /neither blocks nor a log/],
      ] as const) {
        const { code, output } = await importInto(from, at('never'))
        assert.equal(code, 2)
        assert.match(output, says)
      }
    })
  },
)
