import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, test } from 'node:test'
import { unixMs } from '#core'
import { stateConformance } from './conformance.ts'
import { openSqliteState } from './sqlite-state.ts'

const root = await mkdtemp(join(tmpdir(), 'assay-state-'))
after(() => rm(root, { recursive: true }))
let files = 0
const newFile = () => join(root, `${files++}.sqlite`)

const fileOf = new WeakMap<object, string>()
stateConformance(test, 'sqlite state', {
  open: async () => {
    const file = newFile()
    const state = await openSqliteState({ file })
    fileOf.set(state, file)
    return state
  },
  reopen: async (state) => {
    await state[Symbol.asyncDispose]()
    return openSqliteState({ file: fileOf.get(state)! })
  },
})

test('the database is readable by its owner only', async () => {
  const file = newFile()
  await using _state = await openSqliteState({ file })
  assert.equal((await stat(file)).mode & 0o777, 0o600)
})

test('a database of another program is refused and left as it was', async () => {
  const file = newFile()
  const other = new DatabaseSync(file)
  other.exec('CREATE TABLE theirs (x)')
  other.close()
  const before = await readFile(file)
  await assert.rejects(openSqliteState({ file }), { code: 'ASSAY_STATE_FOREIGN' })
  assert.deepEqual(await readFile(file), before)
})

test('a database of a later version is refused with both versions', async () => {
  const file = newFile()
  await (await openSqliteState({ file }))[Symbol.asyncDispose]()
  const later = new DatabaseSync(file)
  later.exec('PRAGMA user_version = 99')
  later.close()
  await assert.rejects(openSqliteState({ file }), { code: 'ASSAY_STATE_NEWER', message: /schema 99.*up to 1/ })
})

test('a file that is no database is refused', async () => {
  const file = newFile()
  await writeFile(file, 'not a database '.repeat(500))
  await assert.rejects(openSqliteState({ file }), { code: 'ASSAY_STATE_CORRUPT' })
})

test('a database with a damaged page is refused', async () => {
  const file = newFile()
  const state = await openSqliteState({ file })
  await state.write(
    Array.from(
      { length: 500 },
      (_, i) => ({ kind: 'put', collection: 'c', id: `${i}`, value: 'x'.repeat(100) }) as const,
    ),
  )
  await state[Symbol.asyncDispose]()
  const bytes = await readFile(file)
  bytes.fill(0xa5, 4096 * 3, 4096 * 8)
  await writeFile(file, bytes)
  await assert.rejects(openSqliteState({ file }), { code: 'ASSAY_STATE_CORRUPT' })
})

test('a directory that is not there is a clear error', async () => {
  await assert.rejects(openSqliteState({ file: join(root, 'no', 'such', 'x.sqlite') }), { code: 'ASSAY_STATE_OPEN' })
})

test('the audit table refuses changes, and a change made around it is found', async () => {
  const file = newFile()
  const state = await openSqliteState({ file })
  await state.write([1, 2, 3].map((n) => ({ kind: 'audit', at: unixMs(n), entry: { n } }) as const))
  await state[Symbol.asyncDispose]()
  using db = new DatabaseSync(file)
  assert.throws(() => db.exec(`UPDATE audit SET entry = '{}' WHERE seq = 2`), /append-only/)
  assert.throws(() => db.exec('DELETE FROM audit WHERE seq = 3'), /append-only/)
  db.exec(`DROP TRIGGER audit_keeps_entries; UPDATE audit SET entry = '{"n":9}' WHERE seq = 2`)
  await using again = await openSqliteState({ file })
  assert.deepEqual(await again.verifyAudit(), { ok: false, seq: 2, reason: 'entry 2 was changed' })
})
