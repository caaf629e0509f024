/** What workers, the hub among them, have counted after the last scrape when they end in order. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { hubOf } from '../test-support/hub-of.ts'
import { samplesOf, valueAt } from '../test-support/parse-page.ts'
import { type Service, startService, until } from '../test-support/service.ts'

const COUNT = 'http_server_request_duration_seconds_count'

/** Each on a connection of its own, so that workers are asked in turn. The process that has answered. */
async function ask(service: Service, path: string): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${String(service.ready['port'])}${path}`)
  return ((await response.json()) as { readonly pid: number }).pid
}

test(
  'when one hub after another ends in order, nothing that was counted is lost',
  { skip: process.platform !== 'linux' },
  async () => {
    await using service = await startService('cluster-service.ts', { ASSAY_AGENT_THREAD: 'start' })
    await until(
      () => service.metrics(),
      (page) => samplesOf(page, 'assay_agent_thread').filter(({ value }) => value === 1).length === 3,
    )
    const living = new Set(service.ready['pids'] as number[])
    let asked = 0
    for (let ended = 1; ended <= 2; ended++) {
      const hub = await hubOf(service, living)
      // In turn: who answered so many requests ago answers the next one.
      const turn: number[] = []
      while (turn.length < living.size || turn.at(-living.size) !== hub) {
        turn.push(await ask(service, '/x'))
        asked++
      }
      assert.equal(await ask(service, '/exit'), hub)
      living.delete(hub)
      const page = await until(
        () => service.metrics(),
        (text) =>
          valueAt(text, 'assay_agent_workers', { state: 'departed' }) === ended &&
          valueAt(text, 'assay_agent_workers', { state: 'answered' }) === living.size,
      )
      const sum = (route: string): number =>
        samplesOf(page, COUNT, { http_route: route }).reduce((all, { value }) => all + value, 0)
      assert.deepEqual([sum('/x'), sum('/exit')], [asked, ended])
      assert.equal(samplesOf(page, 'process_start_time_seconds').length, living.size, 'gauges are nobody’s any more')
    }
    const gone = once(service.child, 'exit')
    service.child.kill('SIGTERM')
    await gone
  },
)

test('the hub ends at once where there is nobody to tell', async () => {
  await using service = await startService('plain-service.ts', { ASSAY_AGENT_THREAD: 'start', NODE_APP_INSTANCE: '0' })
  await until(
    () => service.metrics(),
    (page) => valueAt(page, 'assay_agent_thread') === 1,
  )
  const from = performance.now()
  const gone = once(service.child, 'exit')
  service.child.stdin?.write('end\n')
  assert.deepEqual(await gone, [0, null])
  const took = performance.now() - from
  assert.ok(took < 400, `${took} ms; half a second is the time of one that does not answer`)
})
