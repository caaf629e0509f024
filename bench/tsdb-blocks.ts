/**
 * What blocks cost: bytes per sample and where they go, CPU per sample to write, merge and read, and the questions about names,
 * values and series.
 *
 *     node --conditions=assay-src bench/tsdb-blocks.ts [--targets 20] [--rounds 1440] [--step 15]
 *
 * Six hours of a fleet (bench/fleet.ts) as three blocks and as one. CPU time is that of the whole process, helper threads included;
 * "first" is with empty caches, "then" the least of several runs.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { type Matcher, matcher } from '#core'
import { compareLabels } from '#storage'
import { Block } from '../src/tsdb/block/block.ts'
import type { BlockCaches } from '../src/tsdb/block/block-files.ts'
import { blockName } from '../src/tsdb/block/block-meta.ts'
import { writeBlock } from '../src/tsdb/block/block-writer.ts'
import { ByteCache } from '../src/tsdb/block/byte-cache.ts'
import { mergeSeries } from '../src/tsdb/block/merge.ts'
import { mergeBlocks } from '../src/tsdb/block/merge-blocks.ts'
import { ByteWriter } from '../src/tsdb/codec/bytes.ts'
import { Frame } from '../src/tsdb/codec/frame.ts'
import { decodePacked, encodePacked } from '../src/tsdb/codec/packed-codec.ts'
import type { SeriesColumns } from '../src/tsdb/columns/series-columns.ts'
import { fleet } from './fleet.ts'

const { values: given } = parseArgs({
  options: {
    targets: { type: 'string', default: '20' },
    rounds: { type: 'string', default: '1440' },
    step: { type: 'string', default: '15' },
  },
})
const rounds = Number(given.rounds)
const stepMs = Number(given.step) * 1000
const start = Date.UTC(2026, 0, 5)
const end = start + rounds * stepMs
const series = fleet({ targets: Number(given.targets), rounds, stepMs, start }).sort((a, b) =>
  compareLabels(a.labels, b.labels),
)
const samples = series.length * rounds
const forever = new AbortController().signal

const cpuMs = () => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}
const row = (what: string, text: string) => console.log(`${what.padEnd(48)} ${text}`)
const perSample = (ms: number, count = samples) => `${((ms * 1e6) / count).toFixed(1)} ns of CPU a sample`
const newCaches = (): BlockCaches => ({ indexes: new ByteCache(64 << 20), frames: new ByteCache(64 << 20) })

row(
  'data',
  `${series.length} series, ${rounds} samples each every ${stepMs / 1000} s: ${(samples / 1e6).toFixed(1)} M samples`,
)
codec()
const dir = await mkdtemp(join(tmpdir(), 'assay-bench-blocks-'))
try {
  await blocks(dir)
} finally {
  await rm(dir, { recursive: true })
}

/** The column of values alone, in chunks of 480. */
function codec(): void {
  const size = 480
  const raws: Buffer[] = []
  const places: { frame: number; at: number; values: Float64Array; from: number; count: number }[] = []
  const formBytes = new Map<number, number>()
  const formSamples = new Map<number, number>()
  const encodings: number[] = []
  for (let turn = 0; turn < 3; turn++) {
    const out = new ByteWriter(1 << 17)
    raws.length = 0
    places.length = 0
    const before = cpuMs()
    for (const { values } of series) {
      for (let from = 0; from < rounds; from += size) {
        if (out.length > 65_536) {
          raws.push(Buffer.from(out.view()))
          out.reset()
        }
        const count = Math.min(size, rounds - from)
        places.push({ frame: raws.length, at: out.length, values, from, count })
        encodePacked(out, values, from, count)
        if (turn > 0) continue
        const { at } = places.at(-1)!
        const form = out.view()[at]!
        formBytes.set(form, (formBytes.get(form) ?? 0) + out.length - at)
        formSamples.set(form, (formSamples.get(form) ?? 0) + count)
      }
    }
    raws.push(Buffer.from(out.view()))
    encodings.push(cpuMs() - before)
  }
  row('values: encode', perSample(Math.min(...encodings)))
  const names = ['constant', 'decimal', 'decimal, twice', 'xor', 'bits', 'bits, twice']
  for (const [form, count] of [...formSamples].sort(([a], [b]) => a - b)) {
    row(
      `  ${names[form]}`,
      `${((count / samples) * 100).toFixed(1)} % of the samples, ${(formBytes.get(form)! / count).toFixed(3)} bytes each`,
    )
  }
  row('values: bytes a sample', `${(raws.reduce((sum, raw) => sum + raw.length, 0) / samples).toFixed(3)} packed`)
  for (const level of [1, 3, 9, 19]) {
    const before = cpuMs()
    const packed = raws.map((raw) => zstdCompressSync(raw, { params: { [constants.ZSTD_c_compressionLevel]: level } }))
    const between = cpuMs()
    for (const one of packed) zstdDecompressSync(one)
    row(
      `  with zstd ${level}`,
      `${(packed.reduce((sum, one) => sum + one.length, 0) / samples).toFixed(3)}; ${perSample(between - before)}, and ${perSample(cpuMs() - between)} to undo`,
    )
  }
  const frames = raws.map((raw) => new Frame(raw))
  const column = new Float64Array(size)
  const decodings = Array.from({ length: 5 }, () => {
    const before = cpuMs()
    for (const { frame, at, count } of places)
      decodePacked(frames[frame]!, at, { column, to: 0, count, from: 0, limit: count })
    return cpuMs() - before
  })
  row('values: decode', perSample(Math.min(...decodings)))
}

function* within(from: number, to: number): Generator<SeriesColumns, void, undefined> {
  for (const { labels, timestamps, values } of series) {
    let first = 0
    while (first < rounds && timestamps[first]! < from) first++
    let last = first
    while (last < rounds && timestamps[last]! < to) last++
    if (last > first) {
      yield {
        labels,
        timestamps: timestamps.subarray(first, last),
        values: values.subarray(first, last),
        count: last - first,
      }
    }
  }
}

async function blocks(folder: string): Promise<void> {
  const third = Math.ceil((end - start) / 3)
  const caches = newCaches()
  const parts: Block[] = []
  for (let i = 0; i < 3; i++) {
    const span = { start: start + i * third, end: start + (i + 1) * third, merged: 1 }
    const before = cpuMs()
    for (const _ of within(span.start, span.end));
    const making = cpuMs() - before
    const meta = (await writeBlock(folder, span, within(span.start, span.end), forever))!
    const cost = cpuMs() - before - 2 * making
    row(
      `write block ${i + 1} of 3`,
      `${perSample(cost, meta.samples)}; ${((meta.indexBytes + meta.chunksBytes) / meta.samples).toFixed(4)} bytes a sample`,
    )
    parts.push(await Block.open(join(folder, blockName(span)), caches))
  }
  const whole = { start, end: start + 3 * third, merged: 3 }
  {
    const anew = { ...whole, generation: 9 }
    const before = cpuMs()
    await writeBlock(folder, anew, mergeSeries(parts.map((block) => ({ series: block.all() }))), forever)
    row('merge them by writing anew', perSample(cpuMs() - before))
  }
  const before = cpuMs()
  const meta = (await mergeBlocks(folder, whole, parts, forever))!
  row('merge them by copying frames', perSample(cpuMs() - before))
  const both = meta.indexBytes + meta.chunksBytes
  row(
    'final form',
    `${(both / samples).toFixed(4)} bytes a sample with both copies of the index, each ${(meta.indexBytes / samples).toFixed(4)}`,
  )
  const open = cpuMs()
  const block = await Block.open(join(folder, blockName(whole)), caches)
  const { sizeBytes } = block.index()
  row(
    'open it and decode its index',
    `${(cpuMs() - open).toFixed(1)} ms of CPU; ${(sizeBytes / series.length).toFixed(0)} bytes a series in memory`,
  )
  for (const directory of block.directories()) {
    row(
      'a directory in memory',
      `${(directory.flat.sizeBytes / directory.chunkCount).toFixed(1)} bytes a chunk, ${(directory.sizeBytes / directory.chunkCount).toFixed(1)} with instants`,
    )
  }
  const name = (value: string) => [matcher('__name__', '=', value)]
  read(block, 'instant: 5 min of a counter', name('requests_total'), end - 900_000 - 300_000, end - 900_000)
  read(
    block,
    'instant: 5 min of buckets',
    name('request_duration_seconds_bucket'),
    end - 900_000 - 300_000,
    end - 900_000,
  )
  read(block, 'range: 1 h of buckets', name('request_duration_seconds_bucket'), end - 3600_000, end)
  read(block, 'range: 6 h of buckets', name('request_duration_seconds_bucket'), start, end)
  read(block, '5 min of all', [matcher('__name__', '=~', '.+')], end - 300_000, end)
  const hour = [end - 3600_000, end] as const
  ask('all metric names of the last hour', () => block.labelValues('__name__', [], ...hour).length)
  ask('instances of one metric', () => block.labelValues('instance', name('requests_total'), ...hour).length)
  ask('label names', () => block.labelNames([], ...hour).length)
  ask(
    'series of a metric, with labels',
    () => block.select(name('requests_total'), ...hour).map((part) => part.labels).length,
  )
  ask(
    'series of a code, by expression',
    () => block.select([...name('requests_total'), matcher('code', '=~', '5..')], ...hour).length,
  )
  for (const one of [...parts, block]) one.release()
}

function read(block: Block, what: string, matchers: readonly Matcher[], low: number, high: number): void {
  const out = { timestamps: new Float64Array(rounds), values: new Float64Array(rounds) }
  let count = 0
  let found = 0
  const costs = Array.from({ length: 8 }, () => {
    const before = cpuMs()
    const parts = block.select(matchers, low, high)
    found = parts.length
    count = 0
    for (const part of parts) count += part.read(out, 0)
    return cpuMs() - before
  })
  const least = Math.min(...costs.slice(1))
  row(
    what,
    `${found} series, ${count} samples: first ${costs[0]!.toFixed(1)} ms, then ${least.toFixed(1)} ms of CPU, ${((least * 1e6) / count).toFixed(1)} ns a sample, ${((least * 1e3) / found).toFixed(2)} µs a series`,
  )
}

function ask(what: string, question: () => number): void {
  let answers = 0
  const times = Array.from({ length: 20 }, () => {
    const before = performance.now()
    answers = question()
    return performance.now() - before
  })
  row(what, `${answers}: first ${times[0]!.toFixed(2)} ms, then ${Math.min(...times).toFixed(3)} ms`)
}
