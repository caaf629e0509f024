import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { type Clock, type Log, silentLog } from '#core'
import { discover } from './discover.ts'
import { parseTargetFile } from './file-sd.ts'
import { jobOf } from './scrape.test-support.ts'
import type { DiscoveredTargets } from './targets-of.ts'
import type { ScrapeConfig } from './types.ts'

/** A clock whose sleeps end when the test says so: reading files takes real time, which no hand-turned clock knows of. */
function steppedClock(): Clock & { step(): void } {
  let wake = () => {}
  return {
    now: () => 0 as never,
    monotonicMs: () => 0,
    sleep: (_, signal) =>
      new Promise((resolve) => {
        wake = resolve
        signal?.addEventListener('abort', () => resolve(), { once: true })
      }),
    async *ticks() {},
    step: () => wake(),
  }
}

const configOf = (files: readonly string[], more: Partial<ScrapeConfig> = {}): ScrapeConfig =>
  jobOf({
    staticConfigs: [{ targets: ['static:80'], labels: {} }],
    fileSdConfigs: [{ files, refreshMs: 1000 }],
    ...more,
  })

const addresses = (found: DiscoveredTargets) => found.targets.map((target) => target.labels.get('instance'))

test('files are followed; a broken one keeps its targets and is reported; a removed one loses them', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'assay-file-sd-'))
  const file = join(dir, 'a.json')
  writeFileSync(file, '[{"targets":["a:1"],"labels":{"zone":"x"}}]')
  writeFileSync(join(dir, 'b.yml'), '- targets: [b:1]\n')
  const clock = steppedClock()
  let changed = Promise.withResolvers<DiscoveredTargets>()
  const warnings: unknown[] = []
  const log: Log = { ...silentLog, warn: (fields) => void warnings.push(fields['problem']) }
  const next = () => {
    changed = Promise.withResolvers()
    clock.step()
    return changed.promise
  }
  const configs = [configOf([join(dir, '*.json'), join(dir, '*.yml')])]
  const discovery = await discover(configs, {
    clock,
    log,
    resolve: String,
    onChange: (found) => changed.resolve(found),
  })
  assert.deepEqual(addresses(discovery.current()), ['static:80', 'a:1', 'b:1'])
  assert.equal(discovery.current().targets[1]?.discoveredLabels.get('__meta_filepath'), file)

  writeFileSync(file, '[{"targets":["a:2"]}]')
  assert.deepEqual(addresses(await next()), ['static:80', 'a:2', 'b:1'])

  writeFileSync(file, '[{"targets":["a:3"')
  const broken = await next()
  assert.deepEqual(addresses(broken), ['static:80', 'a:2', 'b:1'])
  assert.match(broken.problems[0] ?? '', /^shop: .*a\.json: cannot be read: /)
  assert.equal(warnings.length, 1)

  rmSync(file)
  assert.deepEqual(addresses(await next()), ['static:80', 'b:1'])
  await discovery[Symbol.asyncDispose]()
  rmSync(dir, { recursive: true })
})

test('labels in a file of YAML are texts as they are written', () => {
  const groups = parseTargetFile(
    'a.yml',
    "- targets: ['a:1']\n  labels: { a: 010, b: yes, c: 1.50, d: ~ }\n- targets:\n",
  )
  assert.deepEqual(groups, [
    { targets: ['a:1'], labels: { a: '010', b: 'yes', c: '1.50', __meta_filepath: 'a.yml' } },
    { targets: [], labels: { __meta_filepath: 'a.yml' } },
  ])
})

test('a file that is not what it should be is told so', () => {
  const cases = [
    ['{}', /a list of groups was expected/],
    ['["a:1"]', /group 1 is no object/],
    ['[{"targets":"a:1"}]', /targets of group 1 is no list/],
    ['[{"targets":[],"labels":{"a":1}}]', /quote numbers/],
    ['[{"target":[]}]', /unknown key "target"/],
  ] as const
  for (const [text, says] of cases) assert.throws(() => parseTargetFile('x.json', text), says)
  assert.deepEqual(parseTargetFile('x.yml', ''), [])
})

test('a wrong configuration is an error at once, and a secret that is not set is told at once', async () => {
  const clock = steppedClock()
  const deps = { clock, log: silentLog, onChange: () => {} }
  const wrong = configOf([], {
    relabelConfigs: [
      {
        action: 'replace',
        sourceLabels: [],
        separator: ';',
        regex: '(',
        modulus: 0,
        targetLabel: 'a',
        replacement: '',
      },
    ],
  })
  await assert.rejects(discover([wrong], { ...deps, resolve: String }), { code: 'ASSAY_REGEX' })
  let asked = 0
  const resolve = () => `secret-${asked++}`
  const guarded = configOf([], { basicAuth: { username: 'u', password: { env: 'X' } }, fileSdConfigs: [] })
  const discovery = await discover([guarded], { ...deps, resolve })
  assert.equal(asked, 1)
  assert.ok(!JSON.stringify(discovery.current()).includes('secret'))
  await discovery[Symbol.asyncDispose]()
})
