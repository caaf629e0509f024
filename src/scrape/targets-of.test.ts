import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DEFAULT_RELABEL, jobOf } from './scrape.test-support.ts'
import { type TargetGroup, targetsOf } from './targets-of.ts'
import type { ScrapeConfig } from './types.ts'

const CONFIG = jobOf({ intervalMs: 15_000, timeoutMs: 10_000 })

/** The targets and the URLs that their readers were made for. */
function find(config: Partial<ScrapeConfig>, group: Partial<TargetGroup> = {}) {
  const urls: string[] = []
  const found = targetsOf({ ...CONFIG, ...config }, [{ targets: ['shop:80'], labels: {}, ...group }], ({ url }) => {
    urls.push(url)
    return { read: async () => ({ body: '', contentType: 'text/plain' }) }
  })
  return { ...found, urls }
}

test('a target has its job, its address as instance, and the labels of its group', () => {
  const { targets, urls } = find({}, { labels: { zone: 'a', __meta_x: 'y' } })
  assert.deepEqual(targets[0]?.labels.toJSON(), { instance: 'shop:80', job: 'shop', zone: 'a' })
  assert.deepEqual(urls, ['http://shop:80/metrics'])
  assert.deepEqual(targets[0]?.discoveredLabels.toJSON(), {
    __address__: 'shop:80',
    __meta_x: 'y',
    __metrics_path__: '/metrics',
    __scheme__: 'http',
    __scrape_interval__: '15s',
    __scrape_timeout__: '10s',
    job: 'shop',
    zone: 'a',
  })
})

test('relabelling may change every special label', () => {
  const set = (targetLabel: string, replacement: string) => ({ ...DEFAULT_RELABEL, targetLabel, replacement })
  const { targets, urls } = find({
    params: { module: ['http_2xx', 'more'], z: ['1'] },
    relabelConfigs: [
      { ...DEFAULT_RELABEL, sourceLabels: ['__address__'], targetLabel: '__param_target' },
      set('__address__', 'prober:9115'),
      set('__scheme__', 'https'),
      set('__metrics_path__', '/probe'),
      set('__scrape_interval__', '1m'),
      set('instance', 'mine'),
    ],
  })
  assert.deepEqual(urls, ['https://prober:9115/probe?module=http_2xx&module=more&target=shop%3A80&z=1'])
  assert.equal(targets[0]?.intervalMs, 60_000)
  assert.deepEqual(targets[0]?.labels.toJSON(), { instance: 'mine', job: 'shop' })
})

test('a secret among the parameters is read with and never shown', () => {
  const { targets, urls } = find({ params: { api_token: ['hush'], module: ['a b'] } })
  assert.deepEqual(urls, ['http://shop:80/metrics?api_token=hush&module=a+b'])
  assert.equal(targets[0]?.url, 'http://shop:80/metrics?api_token=***&module=a+b')
})

test('a target that relabelling drops is listed with what was known of it', () => {
  const { targets, dropped } = find({
    relabelConfigs: [{ ...DEFAULT_RELABEL, action: 'drop', sourceLabels: ['__address__'], regex: 'shop.*' }],
  })
  assert.equal(targets.length, 0)
  assert.equal(dropped[0]?.discoveredLabels.get('__address__'), 'shop:80')
})

test('what cannot be a target is a problem, and the others go on', () => {
  const cases: readonly (readonly [Partial<ScrapeConfig>, string, RegExp])[] = [
    [
      {},
      'http://shop:80/metrics',
      /"http:\/\/shop:80\/metrics" is no address; write host:port without a scheme or a path/,
    ],
    [{ timeoutMs: 20_000 }, 'shop:80', /the timeout 20s is longer than the interval 15s/],
    [
      { relabelConfigs: [{ ...DEFAULT_RELABEL, targetLabel: '__scheme__', replacement: 'ftp' }] },
      'shop:80',
      /the scheme is "ftp"/,
    ],
    [
      { relabelConfigs: [{ ...DEFAULT_RELABEL, targetLabel: '__scrape_interval__', replacement: 'soon' }] },
      'shop:80',
      /write a duration above 0/,
    ],
  ]
  for (const [config, address, says] of cases) {
    const { problems, targets } = find(config, { targets: [address] })
    assert.equal(targets.length, 0)
    assert.match(problems[0] ?? '', says)
  }
  const { targets, problems } = find({}, { targets: ['a/b', 'fine:80'] })
  assert.deepEqual([targets.length, problems.length], [1, 1])
})

test('of dropped targets the first are kept, and the others counted', () => {
  const drop = [{ ...DEFAULT_RELABEL, action: 'drop', sourceLabels: ['__address__'], regex: 'x.*' }] as const
  const targets = ['x1:1', 'shop:80', 'x2:1', 'x3:1', 'x4:1']
  const dropped = (keepDropped: number) =>
    find({ relabelConfigs: drop, keepDropped }, { targets }).dropped.map(({ discoveredLabels, more }) => [
      discoveredLabels.get('__address__'),
      more,
    ])
  assert.deepEqual(dropped(2), [
    ['x1:1', undefined],
    ['x2:1', 2],
  ])
  assert.deepEqual(dropped(4).length, 4)
  assert.deepEqual(dropped(0).length, 4)
})
