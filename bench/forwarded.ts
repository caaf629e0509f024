/**
 * What the remote engine costs a question: the same questions asked of an assay that has the samples, and through another one that has them
 * there (`--remote-engine`). CPU time of each process by the system's account, user and system, in milliseconds a question.
 *
 *     node --conditions=assay-src bench/forwarded.ts [--series 5000] [--count 200]
 */
import { execFileSync, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Labels, silentLog, systemClock, unixMs } from '#core'
import { openTsdb } from '#tsdb'

const { values: given } = parseArgs({
  options: { series: { type: 'string', default: '5000' }, count: { type: 'string', default: '200' } },
})
const COUNT = Number(given.count)
const HOUR = 3600_000
const STEP = 15_000
const TICK_MS = 1000 / Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }))
const root = await mkdtemp(join(tmpdir(), 'assay-forwarded-'))
const now = Math.floor(Date.now() / STEP) * STEP

async function fill(): Promise<void> {
  await using store = await openTsdb({ dir: join(root, 'engine'), clock: systemClock, log: silentLog })
  for (let at = now - HOUR; at <= now; at += STEP) {
    using batch = store.appender()
    for (let i = 0; i < Number(given.series); i++) {
      const labels = Labels.of({ __name__: `signal_${i % 10}_total`, job: `job-${i % 7}`, instance: `10.0.0.${i}:80` })
      batch.append(undefined, labels, unixMs(at), (at - now) / 1000 + i)
    }
    batch.commit()
  }
}

type Served = AsyncDisposable & { readonly url: string; readonly cpuMs: () => number }

async function serve(name: string, ...more: readonly string[]): Promise<Served> {
  const config = join(root, 'none.yml')
  await writeFile(config, 'scrape_configs: []\n')
  const args = ['serve', '--data', join(root, name), '--config.file', config, '--listen', '127.0.0.1:0', ...more]
  const child = spawn('bin/assay', args, { stdio: ['ignore', 'pipe', 'pipe'] })
  const exited = new Promise((resolve) => child.on('close', resolve))
  let said = ''
  const url = await new Promise<string>((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => {
        said += chunk
        const found = /"url":"(http:[^"]+)"|ready.*?(http:\/\/[^\s"]+)/.exec(said)
        if (found !== null) resolve((found[1] ?? found[2])!.replace(/\/$/, ''))
      })
    void exited.then(() => reject(new Error(said)))
  })
  return {
    url,
    cpuMs: () => {
      // Behind the program's name: fields 12 and 13 are user and system time in ticks.
      const stat = readFileSync(`/proc/${child.pid}/stat`, 'latin1')
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      return (Number(fields[11]) + Number(fields[12])) * TICK_MS
    },
    async [Symbol.asyncDispose]() {
      child.kill()
      await exited
    },
  }
}

const from = (now - HOUR) / 1000
const QUESTIONS = {
  'one series': `query?query=signal_3_total{instance="10.0.0.13:80"}&time=${now / 1000}`,
  'a sum of rates': `query?query=${encodeURIComponent('sum by (job) (rate(signal_3_total[5m]))')}&time=${now / 1000}`,
  'a graph of an hour': `query_range?query=${encodeURIComponent('sum by (job) (rate(signal_3_total[5m]))')}&start=${from}&end=${now / 1000}&step=30`,
  'all series of a name': `query?query=signal_3_total&time=${now / 1000}`,
  names: `label/__name__/values?start=${from}&end=${now / 1000}`,
}

await fill()
{
  await using engine = await serve('engine')
  await using front = await serve('front', '--remote-engine', engine.url)
  const ask = async (url: string, question: string) => {
    const answer = await fetch(`${url}/api/v1/${question}`)
    const text = await answer.text()
    if (answer.status !== 200) throw new Error(text)
    return text
  }
  console.log('CPU ms a question   asked alone   engine behind   front   question')
  for (const [what, question] of Object.entries(QUESTIONS)) {
    const texts = [await ask(engine.url, question), await ask(front.url, question)]
    if (texts[0] !== texts[1]) throw new Error(`${what}: the answers differ`)
    for (let i = 0; i < COUNT / 4; i++) await ask(i % 2 === 0 ? engine.url : front.url, question)
    const cost = async (url: string) => {
      const before = [engine.cpuMs(), front.cpuMs()]
      for (let i = 0; i < COUNT; i++) await ask(url, question)
      return [(engine.cpuMs() - before[0]!) / COUNT, (front.cpuMs() - before[1]!) / COUNT] as const
    }
    const [alone] = await cost(engine.url)
    const [behind, before] = await cost(front.url)
    const cell = (value: number) => value.toFixed(2)
    console.log(`${cell(alone).padStart(31)} ${cell(behind).padStart(15)} ${cell(before).padStart(7)}   ${what}`)
  }
}
await rm(root, { recursive: true })
