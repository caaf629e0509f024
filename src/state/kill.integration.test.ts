/** The state under `kill -9`: what was acknowledged is there, batches are whole, numbers are never given twice. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { openSqliteState } from './index.ts'

const root = await mkdtemp(join(tmpdir(), 'assay-state-kill-'))
after(() => rm(root, { recursive: true }))

const KILLS = 12
const child = fileURLToPath(new URL('./testdata/writing-child.ts', import.meta.url))

test(`after ${KILLS} kills at random moments every acknowledged batch is there and whole`, async () => {
  const file = join(root, 'state.sqlite')
  const told = new Set<number>()
  for (let kill = 0; kill < KILLS; kill++) {
    const running = spawn(process.execPath, ['--conditions=assay-src', child, file], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const exited = once(running, 'exit')
    const until = told.size + Math.floor(Math.random() * 60)
    for await (const line of createInterface({ input: running.stdout })) {
      assert.ok(!told.has(Number(line)), `number ${line} was given twice`)
      told.add(Number(line))
      if (told.size > until) running.kill('SIGKILL')
    }
    assert.deepEqual(await exited, [null, 'SIGKILL'])
    await using state = await openSqliteState({ file })
    const tickets = await state.list('tickets')
    const incidents = await state.list('incidents')
    assert.equal(tickets.length, incidents.length)
    const there = new Set(tickets.map(({ id }) => Number(id.slice(2))))
    for (const n of told) assert.ok(there.has(n), `kill ${kill}: ${n} was acknowledged and is gone`)
    assert.deepEqual(await state.verifyAudit(), { ok: true, entries: tickets.length })
  }
})
