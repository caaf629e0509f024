import assert from 'node:assert/strict'
import { test } from 'node:test'
import { envelope, errorEnvelope } from './render.ts'

test('caveats stand beside the data, and only when there are some', () => {
  assert.equal(envelope({ data: '[]' }), '{"status":"success","data":[]}')
  assert.equal(
    envelope({ data: '1', warnings: ['w'], infos: ['i'] }),
    '{"status":"success","data":1,"warnings":["w"],"infos":["i"]}',
  )
  assert.equal(errorEnvelope('bad_data', 'x'), '{"status":"error","errorType":"bad_data","error":"x"}')
})
