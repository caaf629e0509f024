/** Writes a fact, an audit entry and takes a number, over and over; a line with the number after each, until it is killed. */
import { writeSync } from 'node:fs'
import { unixMs } from '#core'
import { openSqliteState } from '../index.ts'

const [file = ''] = process.argv.slice(2)
await using state = await openSqliteState({ file })
for (;;) {
  const n = await state.next('ticket')
  await state.write([
    { kind: 'put', collection: 'tickets', id: `T-${n}`, value: { n } },
    { kind: 'put', collection: 'incidents', id: `I-${n}`, value: { n } },
    { kind: 'audit', at: unixMs(n), entry: { n } },
  ])
  writeSync(1, `${n}\n`)
}
