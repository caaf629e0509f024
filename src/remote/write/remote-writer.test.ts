/** Receivers over reloads and restarts: what waits for one stays its own. */
import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { uncompressSync } from 'snappy'
import { Labels, type Log, silentLog, systemClock, unixMs } from '#core'
import { MetadataStore, memoryStore } from '#storage'
import { decodeWriteRequest } from './decode-v1.ts'
import { createRemoteWriter } from './remote-writer.ts'
import { configOf, type DropStep } from './sender.test-support.ts'

const root = await mkdtemp(join(tmpdir(), 'assay-writer-'))
after(() => rm(root, { recursive: true }))
let made = 0
const newDir = () => join(root, `${made++}`)

async function receiver() {
  const values: number[] = []
  const state = { status: 204, values, keys: new Set<string>() }
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      if (state.status === 204) {
        const { series, values: all } = decodeWriteRequest(
          Buffer.from(uncompressSync(Buffer.concat(chunks), { asBuffer: true }) as Buffer),
        )
        for (const { from } of series) values.push(all[from]!)
        // In the order in which they came last.
        const key = String(request.headers['x-key'])
        state.keys.delete(key)
        state.keys.add(key)
      }
      response.writeHead(state.status).end()
    })
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  return {
    ...state,
    answer: (status: number) => void (state.status = status),
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((done) => server.close(done))
    },
  }
}

function open(dir: string, log: Log = silentLog) {
  const writer = createRemoteWriter<DropStep>({
    clock: systemClock,
    log,
    metadata: new MetadataStore(),
    relabel: (labels) => labels,
    resolve: String,
    version: 'test',
    flushDeadlineMs: 100,
    spool: { dir, maxBytes: 2 ** 30, maxAgeMs: 3600_000 },
  })
  const store = memoryStore({ onCommit: writer.commit })
  let next = 0
  return {
    writer,
    /** Writes numbers, each a commit of its own. */
    write(count: number) {
      for (let i = 0; i < count; i++, next++) {
        using batch = store.appender()
        batch.append(undefined, Labels.of({ __name__: 'c' }), unixMs(1.7e12 + next), next)
        batch.commit()
      }
    },
    from(first: number) {
      next = first
    },
  }
}

const far = (url: string, key: string, name = 'far') =>
  configOf(
    {
      url,
      name,
      version: 'v1',
      headers: { 'X-Key': key },
      metadata: { send: false, sendIntervalMs: 60_000, maxSamplesPerSend: 10 },
    },
    { batchSendDeadlineMs: 5, minBackoffMs: 5, maxBackoffMs: 20 },
  )

async function until(holds: () => boolean): Promise<void> {
  for (let i = 0; !holds(); i++) {
    assert.ok(i < 500, 'not in time')
    await systemClock.sleep(10)
  }
}

test('a reload that changes a receiver loses nothing of what waits for it, and nothing that comes meanwhile', async () => {
  await using to = await receiver()
  const { writer, write } = open(newDir())
  await using _ = writer
  to.answer(503)
  await writer.apply([far(to.url, 'old')], {})
  write(50)
  await systemClock.sleep(20)
  const applied = writer.apply([far(to.url, 'new')], {})
  write(50)
  await applied
  write(50)
  to.answer(204)
  const all = Array.from({ length: 150 }, (_, i) => i)
  await until(() => new Set(to.values).size === 150)
  assert.deepEqual([...new Set(to.values)], all)
  // A request of the old sender may have been on its way when it was ended: it comes before all of the new one.
  assert.equal([...to.keys].at(-1), 'new')
})

test('another process goes on with what waits, also where the receiver has no name and another password', async () => {
  await using to = await receiver()
  const dir = newDir()
  to.answer(503)
  const first = open(dir)
  await first.writer.apply([far(to.url, 'one', '')], {})
  first.write(20)
  await first.writer[Symbol.asyncDispose]()
  to.answer(204)
  const second = open(dir)
  await using _ = second.writer
  second.from(20)
  await second.writer.apply([far(to.url, 'two', '')], { region: 'eu' })
  second.write(20)
  await until(() => to.values.length >= 40)
  assert.deepEqual(
    to.values,
    Array.from({ length: 40 }, (_, i) => i),
  )
})

test('what waits for a receiver that is configured no more is named in the log, and removed when it is too old', async () => {
  const dir = newDir()
  for (const name of ['young-1', 'old-2']) {
    await mkdir(join(dir, name), { recursive: true })
    await writeFile(join(dir, name, '00000001.spool'), 'x')
  }
  const hoursAgo = new Date(Date.now() - 2 * 3600_000)
  await utimes(join(dir, 'old-2'), hoursAgo, hoursAgo)
  const warned: string[] = []
  const { writer } = open(dir, { ...silentLog, warn: ({ dir: where }, message) => warned.push(`${where}: ${message}`) })
  await using _ = writer
  await writer.apply([], {})
  assert.deepEqual(await readdir(dir), ['young-1'])
  assert.equal(warned.length, 1)
  assert.match(warned[0]!, /young-1: samples wait on disk for a receiver of remote write that is configured no more/)
})

test('a directory that cannot be used does not stop remote write: it goes on in memory, and the log says so', async () => {
  await using to = await receiver()
  const file = newDir()
  await writeFile(file, '')
  const told: string[] = []
  const { writer, write } = open(file, { ...silentLog, error: (_fields, message) => told.push(message) })
  await using _ = writer
  await writer.apply([far(to.url, 'x')], {})
  write(10)
  await until(() => to.values.length === 10)
  assert.match(told.join(), /goes on in memory alone: a crash would lose what waits/)
})
