import assert from 'node:assert/strict'
import { test } from 'node:test'
import { listeningInodes } from './port-holder.ts'

// As `cat /proc/net/tcp` writes it: two sockets on port 2424 (0978), one of them connected, and one on another port.
const TABLE = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:0978 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 41234 1 0 100 0 0 10 0
   1: 0100007F:0978 0100007F:C350 01 00000000:00000000 00:00000000 00000000     0        0 41235 1 0 20 4 30 10 -1
   2: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 41236 1 0 100 0 0 10 0
`

test('only sockets that listen on the very port are taken', () => {
  assert.deepEqual(listeningInodes(TABLE, 2424), ['41234'])
  assert.deepEqual(listeningInodes(TABLE, 80), [])
  assert.deepEqual(listeningInodes('', 2424), [])
})
