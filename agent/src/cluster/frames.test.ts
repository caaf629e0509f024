import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { encodeFrame, FrameReader, MAX_FRAME_BYTES } from './frames.ts'

test('messages come out as they went in, however the bytes are cut', () => {
  fc.assert(
    fc.property(
      fc.array(fc.jsonValue(), { maxLength: 5 }),
      fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }),
      (messages, cuts) => {
        const bytes = Buffer.concat(messages.map(encodeFrame))
        const reader = new FrameReader()
        const read: unknown[] = []
        for (let at = 0, i = 0; at < bytes.length; i++) {
          const size = cuts[i % cuts.length]!
          read.push(...reader.push(bytes.subarray(at, at + size)))
          at += size
        }
        assert.deepEqual(read, JSON.parse(JSON.stringify(messages)))
      },
    ),
  )
})

test('a length beyond the limit, or what is not JSON, is refused at once', () => {
  const head = Buffer.alloc(4)
  head.writeUInt32BE(MAX_FRAME_BYTES + 1)
  assert.throws(() => new FrameReader().push(head), /ASSAY_AGENT_PAGE_SIZE/)
  assert.throws(() => new FrameReader().push(Buffer.concat([Buffer.from([0, 0, 0, 1]), Buffer.from('{')])), SyntaxError)
  assert.throws(() => encodeFrame('x'.repeat(MAX_FRAME_BYTES)), /ASSAY_AGENT_PAGE_SIZE/)
})
