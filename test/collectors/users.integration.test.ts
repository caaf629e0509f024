/** Users of two real instances, each with the agent: merged, kept over their restarts and our own, and counted anew when the day turns; by a definition or a `prometheus.yml`. */
import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { request } from 'node:http'
import { test } from 'node:test'
import { createCollector } from '#collectors'
import { ManualClock, silentLog } from '#core'
import { openSqliteState } from '#state'
import { startService, until } from '../../agent/src/test-support/service.ts'
import { directoryOf, serve } from '../support/serve.ts'
import { testPlace } from './workplace.ts'

const DAY = 86_400_000
const signal = AbortSignal.timeout(60_000)

function send(port: unknown, user: string): Promise<void> {
  return new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port: Number(port), headers: { 'x-user-id': user }, agent: false }, (response) => {
      response.resume().on('end', resolve)
    })
      .on('error', reject)
      .end()
  })
}

async function ask(url: string, promql: string): Promise<string[]> {
  const answer = await fetch(`${url}/api/v1/query?query=${encodeURIComponent(promql)}`, { signal })
  const { data } = (await answer.json()) as { data: { result: { value: [number, string] }[] } }
  return data.result.map(({ value }) => value[1])
}

test('two instances, their restart, ours, and the next day', async () => {
  using place = testPlace()
  const env = { ASSAY_USERS: 'header:x-user-id', ASSAY_SERVICE: 'shop', XDG_RUNTIME_DIR: place.dir('run') }
  mkdirSync(place.dir('run'), { recursive: true })
  mkdirSync(place.dir('data'), { recursive: true })
  const file = `${place.dir('data')}/state.db`
  await using one = await startService('plain-service.ts', env)
  await using kept = new AsyncDisposableStack()
  let other = kept.use(await startService('plain-service.ts', env))
  const targets = [one, other].map(({ metricsPort }) => `127.0.0.1:${metricsPort}`)
  // Counting begins soon after the service does.
  for (const service of [one, other]) {
    await until(
      async () => {
        await send(service.ready['port'], 'first')
        return await (await fetch(`http://127.0.0.1:${service.metricsPort}/-/assay/users`)).text()
      },
      (text) => /"exact":"\w/.test(text),
    )
  }
  for (let i = 0; i < 30; i++) await send((i < 20 ? one : other).ready['port'], `u${i}`)
  for (let i = 15; i < 20; i++) await send(other.ready['port'], `u${i}`)

  const clock = new ManualClock(Date.now())
  const open = async (stack: AsyncDisposableStack) => {
    const state = stack.use(await openSqliteState({ file }))
    const spec = { kind: 'users', part: 'shop:users', service: 'shop', targets } as const
    const collector = stack.use(await createCollector(spec, { clock, state, log: silentLog, resolve: String }))
    return {
      collector,
      count: async (window: string) =>
        Number(
          new RegExp(`^assay_active_users\\{service="shop",window="${window}"\\} (\\S+)$`, 'm').exec(
            await collector.read(signal),
          )?.[1],
        ),
    }
  }
  {
    await using stack = new AsyncDisposableStack()
    const { collector, count } = await open(stack)
    assert.deepEqual([await count('1d'), await count('5m')], [31, 31])
    assert.deepEqual(collector.caveats(), [])
    await other[Symbol.asyncDispose]()
    assert.equal(await count('1d'), 31)
    assert.match(collector.caveats().join(), /connection refused/)
    other = kept.use(await startService('plain-service.ts', { ...env, METRICS_PORT: String(other.metricsPort) }))
    await until(
      async () => {
        await send(other.ready['port'], 'u5')
        await send(other.ready['port'], 'late')
        return await count('1d')
      },
      (users) => users === 32,
    )
    await clock.advance(60_000)
    assert.equal(await count('1d'), 32)
    assert.deepEqual(collector.caveats(), [])
  }
  await one[Symbol.asyncDispose]()
  await other[Symbol.asyncDispose]()
  await using stack = new AsyncDisposableStack()
  const { count } = await open(stack)
  assert.equal(await count('1d'), 32, 'nobody answers any more: what was kept is told')
  await clock.advance(DAY)
  assert.deepEqual([await count('1d'), await count('7d'), await count('5m')], [0, 32, 0])
})

test('assay serve writes the users of a service beside those of its instances, and keeps them over its own restart', async () => {
  using place = testPlace()
  mkdirSync(place.dir('run'), { recursive: true })
  const env = { ASSAY_USERS: 'header:x-user-id', ASSAY_SERVICE: 'shop', XDG_RUNTIME_DIR: place.dir('run') }
  await using agent = await startService('plain-service.ts', env)
  await until(
    async () => {
      await send(agent.ready['port'], 'somebody')
      return await agent.metrics()
    },
    (page) => /^assay_active_users\{window="1d"\} 1$/m.test(page),
  )
  await using directory = await directoryOf({
    'assay.config.ts': `import { api, defineSystem } from 'assay'
export default defineSystem({ name: 'x', scrapeEvery: '1s', parts: { shop: api({ targets: ['127.0.0.1:${agent.metricsPort}'], users: true }) } })
`,
  })
  const args = [
    '--config',
    `${directory.path}/assay.config.ts`,
    '--data',
    `${directory.path}/data`,
    '--listen',
    '127.0.0.1:0',
  ]
  const month = 'assay_active_users{service="shop",window="30d"}'
  {
    await using served = await serve(args)
    await until(
      () => ask(served.url, month),
      (values) => values.join() === '1',
      20_000,
    )
    await until(
      () => ask(served.url, 'count by (job) (up{job=~"shop.*"})'),
      (values) => values.join() === '1,1',
      20_000,
    )
    assert.equal(await served.stop(), 0, served.output())
  }
  await agent[Symbol.asyncDispose]()
  await using again = await serve(args)
  await until(
    () =>
      ask(
        again.url,
        'timestamp(assay_active_users{service="shop",window="30d"}) > bool (time() - 2) and on() (up{job="shop"} == 0)',
      ),
    (values) => values.join() === '1',
    20_000,
  )
  assert.deepEqual(await ask(again.url, month), ['1'], 'from the disk: no agent answers')
})

test('with a prometheus.yml the users of a job are merged when it is named, with its credentials, and federated', async () => {
  using place = testPlace()
  mkdirSync(place.dir('run'), { recursive: true })
  const env = {
    ASSAY_USERS: 'header:x-user-id',
    ASSAY_SERVICE: 'shop',
    ASSAY_AGENT_TOKEN: 'a token of ours',
    XDG_RUNTIME_DIR: place.dir('run'),
  }
  await using one = await startService('plain-service.ts', env)
  await using other = await startService('plain-service.ts', env)
  const own = { authorization: 'Bearer a token of ours' }
  // Of 30 users the first 20 come to one instance, the last 20 to the other: 10 come to both.
  for (const [service, from] of [
    [one, 0],
    [other, 10],
  ] as const) {
    await until(
      async () => {
        for (let i = from; i < from + 20; i++) await send(service.ready['port'], `u${i}`)
        return await service.metrics(own)
      },
      (page) => /^assay_active_users\{window="1d"\} 20$/m.test(page),
    )
  }
  await using directory = await directoryOf({
    token: 'a token of ours',
    'prometheus.yml': `global: { scrape_interval: 1s, scrape_timeout: 1s }
scrape_configs:
  - job_name: shop
    authorization: { credentials_file: token }
    static_configs: [{ targets: ['127.0.0.1:${one.metricsPort}', '127.0.0.1:${other.metricsPort}'] }]
`,
  })
  const start = (data: string, ...more: string[]) =>
    serve([
      ...['--config.file', `${directory.path}/prometheus.yml`, '--storage.tsdb.path', `${directory.path}/${data}`],
      ...['--web.listen-address', '127.0.0.1:0', ...more],
    ])
  {
    await using merged = await start('merged', '--merge-users=shop')
    await until(
      () => ask(merged.url, 'assay_active_users{service="shop",window="1d"}'),
      (values) => values.join() === '30',
      20_000,
    )
    // Added up, ten count twice.
    await until(
      () => ask(merged.url, 'sum(assay_active_users{job="shop",window="1d"})'),
      (values) => values.join() === '40',
      20_000,
    )
    assert.deepEqual(await ask(merged.url, 'assay_users_keys{service="shop"}'), ['1'])
    const match = encodeURIComponent('{__name__=~"assay_(daily_)?active_users",service!=""}')
    const federated = await (await fetch(`${merged.url}/federate?match[]=${match}`, { signal })).text()
    assert.match(federated, /^assay_active_users\{[^}]*service="shop"[^}]*window="1d"[^}]*\} 30 /m)
    assert.doesNotMatch(federated, /job="shop"[,}]/, 'none of those of instances')
    assert.equal(await merged.stop(), 0, merged.output())
  }
  await using plain = await start('plain')
  await until(
    () => ask(plain.url, 'count(assay_active_users{window="1d"})'),
    (values) => values.join() === '2',
    20_000,
  )
  assert.deepEqual(await ask(plain.url, 'assay_active_users{service="shop"}'), [], 'nobody is asked unless told so')
})
