/**
 * Every error code stands in `docs/reference/errors.md`, and nothing else does.
 *
 * - A code stands in the code as a text of its own, or at the head of one: `'ASSAY_X'`, `` `ASSAY_X: ... ` ``.
 * - Names of environment variables share the prefix. They are known by how they are read, and belong to the pages of the
 *   agent and of the commands.
 * - The codes of the HTTP API are made from its table of error types, so they are read from that table.
 */
import assert from 'node:assert/strict'
import { glob, readFile } from 'node:fs/promises'
import { test } from 'node:test'

const SOURCES = ['src/**/*.ts', 'agent/src/**/*.ts', 'example/**/*.ts']
const NO_SOURCE = /\.test\.ts$|test-support|conformance|\/testing\.ts$|node_modules/
const API_ERRORS = 'src/server/http/api-error.ts'

const CODE = /['"`](ASSAY_[A-Z0-9_]*[A-Z0-9])(?=['"`]|: )/g
const VARIABLE = /(?:\benv\[|\bread(?:<[^(]*>)?\()'(ASSAY_[A-Z0-9_]+)'/g

test('the page of errors and the code name the same codes', async () => {
  const inCode = new Set<string>()
  const variables = new Set<string>()
  for await (const file of glob(SOURCES)) {
    if (NO_SOURCE.test(file)) continue
    const text = await readFile(file, 'utf8')
    for (const [, code = ''] of text.matchAll(CODE)) inCode.add(code)
    for (const [, name = ''] of text.matchAll(VARIABLE)) variables.add(name)
  }
  for (const name of variables) inCode.delete(name)
  for (const code of await apiCodes()) inCode.add(code)
  const page = await readFile('docs/reference/errors.md', 'utf8')
  const rows = [...page.matchAll(/^\| `(ASSAY_[A-Z0-9_]+)` \|/gm)].map(([, code = '']) => code)
  const onPage = new Set(rows)
  assert.deepEqual([...inCode].filter((code) => !onPage.has(code)).toSorted(), [], 'codes that are not on the page')
  assert.deepEqual(
    [...onPage].filter((code) => !inCode.has(code)).toSorted(),
    [],
    'codes that the page names and nothing throws',
  )
  assert.equal(rows.length, onPage.size, 'a code stands on the page twice')
})

/** `bad_data: 400,` in the table of error types is `ASSAY_API_BAD_DATA`. */
async function apiCodes(): Promise<readonly string[]> {
  const [, table = ''] = /^const STATUS = \{\n([^}]*)\} as const/m.exec(await readFile(API_ERRORS, 'utf8')) ?? []
  const types = [...table.matchAll(/^ {2}([a-z_]+): \d{3},$/gm)].map(([, type = '']) => type)
  assert.ok(types.includes('bad_data'), `${API_ERRORS} holds no table of error types; say here where it is`)
  return types.map((type) => `ASSAY_API_${type.toUpperCase()}`)
}
