/** `assay backup` and `assay restore`, with a server that runs and without, and killed at any moment. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { compressSync } from 'snappy'
import { Labels } from '#core'
import { ask } from './http-api/both.ts'
import { encodeWrite } from './http-api/write.ts'
import { directoryOf, serve } from './support/serve.ts'

/** Kills of each command; more of them: `ASSAY_BACKUP_KILLS=200`. */
const KILLS = Number(process.env['ASSAY_BACKUP_KILLS'] ?? 4)
const AT = Math.floor(Date.now() / 60_000) * 60 - 3000
const COMMAND = ['--conditions=assay-src', '--disable-warning=ExperimentalWarning', 'src/cli/main.ts']

async function run(
  args: readonly string[],
  killAfterMs?: number,
): Promise<{ readonly code: number | null; readonly output: string }> {
  const child = spawn(process.execPath, [...COMMAND, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (bytes: Buffer) => (output += bytes))
  const timer = killAfterMs === undefined ? undefined : setTimeout(() => child.kill('SIGKILL'), killAfterMs)
  const [code] = await once(child, 'close')
  clearTimeout(timer)
  return { code, output }
}

async function write(url: string): Promise<void> {
  const series = Array.from({ length: 500 }, (_, i) => ({
    labels: Labels.of({ __name__: 'm', i: `${i}` }),
    samples: Array.from({ length: 100 }, (_, k) => Math.sin(i * k)),
  }))
  const response = await fetch(`${url}/api/v1/write`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-protobuf', 'content-encoding': 'snappy' },
    body: new Uint8Array(compressSync(encodeWrite(series, AT * 1000))),
  })
  assert.ok(response.ok, `${response.status} ${await response.text()}`)
}

/** Until it holds; a test that hangs here has found something. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 20))
}

const answer = async (url: string) => (await ask(url, { path: `/api/v1/query?query=m[1h]&time=${AT + 2000}` }, AT)).body

test('a backup of a running assay comes back, is refused where it should be, and survives kills', async (t) => {
  await using directory = await directoryOf({ 'prometheus.yml': '' })
  const at = (name: string) => join(directory.path, name)
  const start = (data: string, ...more: readonly string[]) =>
    serve(['--config', at('prometheus.yml'), '--data', data, '--listen', '127.0.0.1:0', ...more])
  let expected: unknown
  {
    await using assay = await start(at('data'), '--web.enable-admin-api')
    await write(assay.url)
    expected = await answer(assay.url)

    await t.test('from the server, into a folder and a file', async () => {
      for (const target of [at('folder'), at('one.tar')]) {
        const { code, output } = await run(['backup', target, '--url', assay.url])
        assert.equal(code, 0, output)
        assert.match(output, /^backed up \d+ files/)
      }
      await until(async () => (await readdir(at('data/snapshots'))).length === 0)
      const again = await run(['backup', at('folder'), '--url', assay.url, '--json'])
      const { copiedBytes, sizeBytes } = JSON.parse(again.output)
      assert.ok(copiedBytes <= sizeBytes)
    })

    await t.test('a page of another origin, a path outside and a backup that is not there are refused', async () => {
      const api = `${assay.url}/api/assay/v1/backups`
      const foreign = await fetch(api, { method: 'POST', headers: { origin: 'http://elsewhere.example' } })
      assert.equal(foreign.status, 403)
      const take = async () => {
        const stop = new AbortController()
        const response = await fetch(api, { method: 'POST', signal: stop.signal })
        const first = response.ok ? await response.body?.getReader().read() : undefined
        return {
          status: response.status,
          id: first === undefined ? '' : JSON.parse(Buffer.from(first.value!).toString()).id,
          stop,
        }
      }
      const taken = await take()
      for (const path of ['../assay.json', '/etc/passwd', 'nothing'])
        assert.equal((await fetch(`${api}/${taken.id}/file?path=${encodeURIComponent(path)}`)).status, 404)
      assert.equal((await fetch(`${api}/${taken.id}/file?path=assay.json`)).status, 200)
      const more = await Promise.all([take(), take()])
      assert.deepEqual(more.map(({ status }) => status).sort(), [200, 429])
      for (const { stop } of [taken, ...more]) stop.abort()
      await until(async () => (await readdir(at('data/snapshots'))).length === 0)
      assert.equal((await fetch(`${api}/${taken.id}/file?path=assay.json`)).status, 404)
    })

    await t.test('a directory in use without a way in says what to do', async () => {
      const { code, output } = await run(['backup', at('refused'), '--data', at('data')])
      assert.equal(code, 2, output)
      assert.match(output, /no assay answers at .*; name it by --url|another data directory|refuses/)
    })

    await t.test(
      `killed at ${KILLS} moments, a backup is the one before or a whole one, and the next one works`,
      async () => {
        for (let kill = 0; kill < KILLS; kill++) {
          const { output } = await run(['backup', at('killed'), '--url', assay.url], 300 + Math.random() * 1500)
          assert.doesNotMatch(output, /refuses/, 'whoever was killed takes no place')
          const restored = await run(['restore', at('killed'), '--data', at(`from-killed-${kill}`)])
          if (existsSync(at('killed/manifest.json'))) assert.equal(restored.code, 0, restored.output)
          else assert.match(restored.output, /interrupted|cannot be read/)
        }
      },
    )
  }
  {
    await using assay = await start(at('data'))
    assert.deepEqual(await readdir(at('data/snapshots')), [], 'left-overs of backups are gone')
    const { code, output } = await run(['backup', at('refused'), '--url', assay.url])
    assert.deepEqual([code, /--web.enable-admin-api/.test(output)], [2, true], output)
  }

  await t.test('without a server, from the directory itself', async () => {
    const { code, output } = await run(['backup', at('folder'), '--data', at('data')])
    assert.equal(code, 0, output)
  })

  await t.test('what comes back answers as before, and is the same store', async () => {
    for (const [i, from] of [at('folder'), at('one.tar')].entries()) {
      const { code, output } = await run(['restore', from, '--data', at(`back-${i}`)])
      assert.equal(code, 0, output)
      await using assay = await start(at(`back-${i}`))
      assert.deepEqual(await answer(assay.url), expected)
    }
    const second = await run(['restore', at('folder'), '--data', at('back-0')])
    assert.deepEqual([second.code, /is not empty/.test(second.output)], [2, true])
    const idOf = async (dir: string) => JSON.parse(await readFile(join(dir, 'assay.json'), 'utf8')).id
    assert.equal(await idOf(at('back-0')), await idOf(at('data')))
  })

  await t.test(
    `killed at ${KILLS} moments, a restore is whole or refused at start, and the next one finishes it`,
    async () => {
      for (let kill = 0; kill < KILLS; kill++) {
        const data = at(`half-${kill}`)
        await run(['restore', at('folder'), '--data', data], 200 + Math.random() * 1200)
        const again = await run(['restore', at('folder'), '--data', data])
        assert.ok(again.code === 0 || /is not empty/.test(again.output), again.output)
        if (kill > 0) continue
        await using assay = await start(data)
        assert.deepEqual(await answer(assay.url), expected)
      }
    },
  )
})
