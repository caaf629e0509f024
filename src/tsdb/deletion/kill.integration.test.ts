/**
 * Deleting, cleaning and copying under `kill -9`, and with changed bytes: what was acknowledged holds, what was deleted stays so.
 *
 * More rounds: `ASSAY_DELETE_KILLS=500`.
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { Labels, ManualClock, matcher, silentLog, unixMs } from '#core'
import { openTsdb, type Tsdb } from '../index.ts'

const KILLS = Number(process.env['ASSAY_DELETE_KILLS'] ?? 8)
const root = await mkdtemp(join(tmpdir(), 'assay-delete-kill-'))
after(() => rm(root, { recursive: true }))
const child = fileURLToPath(new URL('../testdata/deleting-child.ts', import.meta.url))

type Step =
  | {
      readonly do: 'append'
      readonly samples: readonly { readonly i: number; readonly at: number; readonly value: number }[]
    }
  | { readonly do: 'delete'; readonly i: number; readonly start: number; readonly end: number }
  | { readonly do: 'nothing' }

/** `series at` to value. */
type Model = Map<string, number>

const open = (dir: string) =>
  openTsdb({
    dir,
    clock: new ManualClock(),
    log: silentLog,
    maxAheadMs: Infinity,
    blockMs: 100_000,
    outOfOrderWindowMs: 1e9,
  })

function seen(store: Tsdb): Model {
  using querier = store.querier(unixMs(-1e12), unixMs(1e12))
  const found: Model = new Map()
  for (const series of querier.select([matcher('__name__', '=', 'm')])) {
    const { timestamps, values, count } = series.samples()
    for (let n = 0; n < count; n++) found.set(`${series.labels.get('i')} ${timestamps[n]}`, values[n]!)
  }
  return found
}

/** `taken`: which samples of an append were. Of an instant the first one stays. */
function apply(model: Model, step: Step, taken?: readonly number[]): Model {
  const next = new Map(model)
  if (step.do === 'append') {
    for (const [k, { i, at, value }] of step.samples.entries()) {
      const key = `${i} ${at}`
      if (taken === undefined ? !next.has(key) : taken[k] === 1) next.set(key, value)
    }
  } else if (step.do === 'delete') {
    for (const key of model.keys()) {
      const [i, at] = key.split(' ').map(Number)
      if (i === step.i && at! >= step.start && at! <= step.end) next.delete(key)
    }
  }
  return next
}

/** Runs the child until it did `steps`, then kills it. Returns what was acknowledged, and the step that was not. */
async function runAndKill(dir: string, seed: number, steps: number, model: Model) {
  const running = spawn(process.execPath, ['--conditions=assay-src', child, dir, String(seed)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = once(running, 'exit')
  let known = model
  let pending: Step | undefined
  let did = 0
  for await (const line of createInterface({ input: running.stdout })) {
    if (line.startsWith('will ')) pending = JSON.parse(line.slice(5))
    else if (line.startsWith('did') && pending !== undefined) {
      known = apply(known, pending, line === 'did' ? undefined : JSON.parse(line.slice(4)))
      pending = undefined
      did++
    }
    if (did >= steps) running.kill('SIGKILL')
  }
  const [code, signal] = await exited
  assert.deepEqual([code, signal], [null, 'SIGKILL'])
  return { known, pending }
}

test(`after ${KILLS} kills what was acknowledged is there, and nothing that was deleted came back`, async () => {
  const dir = join(root, 'store')
  let model: Model = new Map()
  for (let kill = 0; kill < KILLS; kill++) {
    const { known, pending } = await runAndKill(
      dir,
      kill + Math.floor(Math.random() * 1e6),
      Math.floor(Math.random() * 60),
      model,
    )
    await using store = await open(dir)
    const found = seen(store)
    const other = pending === undefined ? known : apply(known, pending)
    // What was not acknowledged may be there in part, sample by sample.
    for (const [key, value] of found)
      assert.ok(
        known.get(key) === value || other.get(key) === value,
        `kill ${kill}: ${key} ${value} is there, ${known.get(key)} was written`,
      )
    for (const [key, value] of known)
      if (other.get(key) === value) assert.equal(found.get(key), value, `kill ${kill}: ${key} is lost`)
    model = found
    const left = (await readdir(join(dir, 'snapshots')).catch(() => [])).filter((name) => name.startsWith('tmp-'))
    assert.deepEqual(left, [], 'no half snapshot is left')
    for (const name of await readdir(join(dir, 'snapshots')).catch(() => [])) {
      await using copy = await open(join(dir, 'snapshots', name))
      assert.ok(seen(copy).size >= 0)
      await rm(join(dir, 'snapshots', name), { recursive: true })
    }
  }
})

test('a changed byte in a list of deletions costs nothing; both copies changed, it is told and nothing comes back', async () => {
  const dir = join(root, 'flipped')
  const labels = Labels.of({ __name__: 'm', i: '0' })
  {
    await using store = await open(dir)
    using first = store.appender()
    for (let at = 0; at < 30; at++) first.append(undefined, labels, unixMs(at * 10_000), at)
    first.commit()
    await store.upkeep()
    await store.deleteSeries({ sets: [[matcher('i', '=', '0')]], start: 0, end: 1e9 })
  }
  const [block] = await readdir(join(dir, 'blocks'))
  for (const path of [join(dir, 'deletions.bin'), join(dir, 'blocks', block!, 'tombstones.bin')]) {
    const whole = await readFile(path)
    for (let place = 8; place < whole.length; place++) {
      await writeFile(path, Buffer.from(whole.with(place, whole[place]! ^ 0xff)))
      await using store = await open(dir)
      assert.deepEqual(seen(store), new Map(), `byte ${place} of ${path}`)
    }
    await writeFile(path, whole)
  }
  const deletions = join(dir, 'deletions.bin')
  const whole = await readFile(deletions)
  const half = (whole.length - 8) / 2
  await writeFile(
    deletions,
    Buffer.from(whole.with(8 + half - 1, whole[8 + half - 1]! ^ 1).with(whole.length - 1, whole.at(-1)! ^ 1)),
  )
  await assert.rejects(open(dir), { code: 'ASSAY_TSDB_CORRUPT', message: /deletions.bin is damaged/ })
  await writeFile(deletions, whole)
  const tombstones = join(dir, 'blocks', block!, 'tombstones.bin')
  await writeFile(tombstones, (await readFile(tombstones)).subarray(0, 10))
  await using store = await open(dir)
  assert.deepEqual(seen(store), new Map())
  assert.deepEqual(store.stats().setAside, [`corrupt-${block}`])
})
