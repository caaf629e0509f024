import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import { test } from 'node:test'
import { DemoError } from './demo-error.ts'
import { checkFree, holderOf, LAST_OFFSET, portsFrom } from './ports.ts'

test('every part has a number of its own above the base', () => {
  const ports = Object.values(portsFrom(2424))
  assert.equal(new Set(ports).size, ports.length)
  assert.ok(ports.every((port) => port >= 2424 && port <= 2424 + LAST_OFFSET))
})

test('a base that leaves no room is refused', () => {
  for (const base of [0, 80, 65_530, 2424.5, Number.NaN])
    assert.throws(
      () => portsFrom(base),
      (err) => err instanceof DemoError && err.code === 'ASSAY_DEMO_PORT',
    )
})

test('a taken port is named with what it is for and who holds it', async () => {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  try {
    await assert.rejects(checkFree({ ...portsFrom(2424), ...onlyPort(port) }), (err) => {
      assert.ok(err instanceof DemoError)
      assert.equal(err.code, 'ASSAY_DEMO_PORT_IN_USE')
      assert.match(err.message, new RegExp(`${port} \\(for shop\\) is held by`))
      if (process.platform === 'linux') assert.match(err.message, new RegExp(`process ${process.pid}`))
      return true
    })
    if (process.platform === 'linux') assert.match(holderOf(port) ?? '', new RegExp(`process ${process.pid}`))
  } finally {
    server.close()
  }
})

/** All parts on a port that is certainly free (0), but the shop. */
function onlyPort(port: number) {
  return {
    ...(Object.fromEntries(Object.keys(portsFrom(2424)).map((name) => [name, 0])) as ReturnType<typeof portsFrom>),
    shop: port,
  }
}
