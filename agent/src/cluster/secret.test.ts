import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { deriveKey, isProof, prove, readSecret } from './secret.ts'

const uid = process.getuid?.() ?? 0

function inFolder(work: (base: string) => void): void {
  const base = mkdtempSync(join(tmpdir(), 'assay-secret-test-'))
  try {
    work(base)
  } finally {
    rmSync(base, { recursive: true })
  }
}

test('the secret is made once, read by all, and private', () => {
  inFolder((base) => {
    const secret = readSecret({}, base)
    assert.equal(secret?.length, 32)
    assert.deepEqual(readSecret({}, base), secret)
    assert.equal(statSync(join(base, `assay-agent-${uid}`, 'secret')).mode & 0o777, 0o600)
    assert.notDeepEqual(readSecret({ XDG_RUNTIME_DIR: mkdtempSync(join(base, 'other-')) }, base), secret)
  })
})

test('a folder or file that others can reach, or a link, is refused', () => {
  inFolder((base) => {
    readSecret({}, base)
    const folder = join(base, `assay-agent-${uid}`)
    chmodSync(join(folder, 'secret'), 0o644)
    assert.equal(readSecret({}, base), undefined)
    chmodSync(join(folder, 'secret'), 0o600)
    chmodSync(folder, 0o755)
    assert.equal(readSecret({}, base), undefined)
  })
  inFolder((base) => {
    symlinkSync(base, join(base, `assay-agent-${uid}`))
    assert.equal(readSecret({}, base), undefined)
  })
  inFolder((base) => {
    writeFileSync(join(base, `assay-agent-${uid}`), 'a file')
    assert.equal(readSecret({}, base), undefined)
  })
})

test('a proof holds for its key, role and nonce only', () => {
  const key = deriveKey(Buffer.alloc(32, 1), 'workers', 'mes')
  const other = deriveKey(Buffer.alloc(32, 1), 'workers', 'crm')
  const proof = prove(key, 'hub', 'n')
  assert.ok(isProof(proof, key, 'hub', 'n'))
  assert.ok(!isProof(proof, key, 'worker', 'n'))
  assert.ok(!isProof(proof, key, 'hub', 'm'))
  assert.ok(!isProof(proof, other, 'hub', 'n'))
  for (const wrong of ['', undefined, 5, proof.slice(1)]) assert.ok(!isProof(wrong, key, 'hub', 'n'))
})
