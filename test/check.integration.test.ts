/**
 * `assay check` as a user runs it: the compiler's complaints and the definition's own, each with file, line and what to
 * write instead.
 */
import assert from 'node:assert/strict'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { after, before, test } from 'node:test'
import { assay } from './support/demo.ts'

/** Inside the tree, so that `assay` resolves to it as it would to an installed package. */
const DIRECTORY = '.cache/check'
before(() => mkdir(DIRECTORY, { recursive: true }))
after(() => rm(DIRECTORY, { recursive: true, force: true }))

async function check(text: string, ...flags: readonly string[]) {
  const file = `${DIRECTORY}/${Math.random().toString(36).slice(2)}.config.ts`
  await writeFile(file, text)
  return { file, ...(await assay('check', file, ...flags)) }
}

const HEAD = `import { api, defineSystem, email, notify, restart, pm2, postgres, when } from 'assay'
const db = postgres({ url: 'postgres://127.0.0.1/x' })
const crm = api({ targets: ['127.0.0.1:1'], uses: [db] })
const support = email({ name: 'support', to: 'a@b.example', from: 'a@b.example', smtp: 'smtp://127.0.0.1' })
`

test("the example's definition is right", async () => {
  const { code, output } = await assay('check', 'example/assay.config.ts')
  assert.equal(code, 0, output)
  assert.match(output, /workshop: 9 parts, \d+ policies, \d+ rules\nok/)
})

test('the compiler finds every wrong reference and limit, each with its line', async () => {
  const policies = [
    {
      line: "a: when(crm.latency.p96).above('1s').do(notify(support)),",
      says: /:7:\d+: Property 'p96' does not exist/,
    },
    {
      line: "b: when(crm.errors.ratio).above('500ms').do(notify(support)),",
      says: /:8:\d+: Argument of type '"500ms"' is not assignable/,
    },
    { line: "c: when(crm.rate).above('1/s').do(restart(db, { on: pm2() })),", says: /:9:\d+: / },
    { line: "d: when(crm.rate).above('1/s').do(notify(sales)),", says: /:10:\d+: Cannot find name 'sales'/ },
  ]
  const lines = policies.map(({ line }) => line).join('\n')
  const { code, output } = await check(
    `${HEAD}\nexport default defineSystem({ name: 'x', parts: { crm, db }, policies: {\n${lines}\n} })\n`,
  )
  assert.equal(code, 1, output)
  for (const { says } of policies) assert.match(output, says)
  assert.match(output, /4 things are wrong/)
})

test('a part that is not listed is found, with its line and what to write', async () => {
  const { code, output } = await check(`${HEAD}export default defineSystem({ name: 'x', parts: { crm } })\n`)
  assert.equal(code, 1, output)
  assert.match(
    output,
    /config\.ts:5: parts\.crm\.uses refers to a part \(postgres\) that is not listed; add it to parts/,
  )
})

test('findings are data when asked', async () => {
  const { code, output, file } = await check(
    `${HEAD}export default defineSystem({ name: 'x', parts: { crm } })\n`,
    '--json',
  )
  assert.equal(code, 1)
  const { findings } = JSON.parse(output) as { findings: { place: string; message: string }[] }
  assert.equal(findings[0]?.place, `${file}:5`)
})

test('a prometheus.yml with a rule that does not parse is told with the line of the rule', async () => {
  await writeFile(
    `${DIRECTORY}/rules.yml`,
    'groups:\n  - name: g\n    rules:\n      - record: a\n        expr: sum by (job (x)\n',
  )
  await writeFile(`${DIRECTORY}/prometheus.yml`, 'rule_files: [rules.yml]\n')
  const { code, output } = await assay('check', `${DIRECTORY}/prometheus.yml`)
  assert.equal(code, 1, output)
  assert.match(output, /rules\.yml:5/)
})
