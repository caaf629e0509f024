import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseCompilerOutput } from './check.ts'
import { placeIn } from './load-definition.ts'

test('compiler output becomes findings, with continued lines joined', () => {
  const output =
    "a.config.ts(4,12): error TS2551: Property 'p96' does not exist.\n  Did you mean 'p95'?\nerror TS5083: no tsconfig\n"
  assert.deepEqual(parseCompilerOutput(output), [
    { place: 'a.config.ts:4:12', message: "Property 'p96' does not exist. Did you mean 'p95'?" },
    { place: '', message: 'error TS5083: no tsconfig' },
  ])
})

test('the place of an error is the first line of the user, not of the product', () => {
  const stack =
    'Error: x\n    at defineSystem (file:///opt/assay/src/model/a.ts:5:3)\n    at file:///home/u/conf/assay.config.ts?load=1:7:16\n'
  assert.match(placeIn(stack, '/home/u/conf') ?? '', /conf\/assay\.config\.ts:7$/)
  assert.equal(placeIn(stack, '/elsewhere'), undefined)
})
