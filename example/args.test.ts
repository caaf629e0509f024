import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseArgs } from './args.ts'
import { DemoError } from './demo-error.ts'

test('without arguments the demo runs whole, at its usual place', () => {
  assert.deepEqual(parseArgs([]), { port: 2424, data: '.assay/demo', load: true, assay: true, help: false })
})

test('options are taken in both spellings', () => {
  assert.deepEqual(parseArgs(['--port=3000', '--data', 'x', '--no-load', '--no-assay']), {
    port: 3000,
    data: 'x',
    load: false,
    assay: false,
    help: false,
  })
})

test('what is not understood is named, with the usage', () => {
  for (const argv of [['--prot', '1'], ['--port'], ['--port', 'x'], ['--data', '--no-load'], ['up']])
    assert.throws(
      () => parseArgs(argv),
      (err) => err instanceof DemoError && err.code === 'ASSAY_DEMO_USAGE' && /npm run demo/.test(err.message),
    )
})
