import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { encodeFrame, FrameReader, MAX_FRAME_BYTES } from './frames.ts'

const frame = fc.record({ head: fc.jsonValue(), body: fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 4 }) })

test('frames read back as they were written, however the bytes are cut', () => {
  fc.assert(
    fc.property(fc.array(frame, { maxLength: 6 }), fc.array(fc.nat({ max: 300 }), { maxLength: 30 }), (given, cuts) => {
      const bytes = Buffer.concat(given.flatMap(({ head, body }) => encodeFrame(head, body)))
      const reader = new FrameReader()
      const read: unknown[] = []
      let at = 0
      for (const cut of [...cuts, bytes.length]) {
        for (const { head, body } of reader.push(bytes.subarray(at, at + cut))) read.push([head, [...body]])
        at += cut
      }
      const expected = given.map(({ head, body }) => [
        JSON.parse(JSON.stringify(head)),
        body.flatMap((piece) => [...piece]),
      ])
      assert.deepEqual(read, expected)
    }),
  )
})

test('what is too long, not JSON, or says more head than frame ends the reading', () => {
  const lengths = (size: number, head: number): Buffer => {
    const bytes = Buffer.alloc(12)
    bytes.writeUInt32BE(size)
    bytes.writeUInt32BE(head, 4)
    return bytes
  }
  assert.throws(() => new FrameReader().push(lengths(MAX_FRAME_BYTES + 1, 1)), /ASSAY_AGENT_PAGE_SIZE/)
  assert.throws(() => new FrameReader().push(lengths(8, 5)), /ASSAY_AGENT_PAGE_SIZE/)
  assert.throws(() => new FrameReader().push(lengths(8, 4)), SyntaxError)
  assert.throws(() => encodeFrame({}, [new Uint8Array(MAX_FRAME_BYTES)]), /ASSAY_AGENT_PAGE_SIZE/)
})
