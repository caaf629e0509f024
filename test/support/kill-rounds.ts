/**
 * The loop under `kill -9`: faults come and go on the real company while assay is killed at random moments and started
 * again, and everything that matters is counted from outside.
 */
import assert from 'node:assert/strict'
import { setTimeout as wait } from 'node:timers/promises'
import { compressSync } from 'snappy'
import type { IncidentWire } from '#server'
import { type Demo, incidents, json, tickets, until } from './demo.ts'

/** Each with the policy that answers it, and what it does to processes. */
const FAULTS = [
  { fault: 'crm-saturated', policy: 'crmSaturated', part: 'crm' },
  { fault: 'mes-slow', policy: 'mesSlow', part: undefined },
  { fault: 'mes-overload', policy: 'mesBusy', part: 'mes' },
] as const

const KILLS_PER_FAULT = 5

export type KillReport = {
  readonly kills: number
  readonly written: number
  readonly lost: readonly number[]
  readonly moments: readonly string[]
}

type Status = {
  readonly parts: readonly { readonly name: string; readonly pids: readonly number[] }[]
  readonly assay: { readonly pid?: number }
}
const status = (demo: Demo) => json<Status>(`${demo.control}/status`)
const pidsOf = ({ parts }: Status, part: string) => parts.find(({ name }) => name === part)?.pids ?? []

/** Kills assay `kills` times, spread over the faults. Asserts as it goes; reports what was written and what was lost. */
export async function killRounds(demo: Demo, kills: number, random: () => number): Promise<KillReport> {
  await using writer = startWriter(demo)
  const moments: string[] = []
  // The seed says which fault is first, so that ten kills meet another pair each time and fifty meet all.
  for (let round = Math.floor(random() * FAULTS.length); moments.length < kills; round++) {
    const chosen = FAULTS[round % FAULTS.length]!
    const planned = Math.min(KILLS_PER_FAULT, kills - moments.length)
    for (const moment of await oneFault(demo, chosen, planned, random)) moments.push(`${chosen.fault} +${moment} ms`)
  }
  const acknowledged = await writer.stop()
  const answer = await json<{ data: { result: { values: [number, string][] }[] } }>(
    `${demo.url}/api/v1/query?query=${encodeURIComponent('trust_samples_total[2h]')}`,
  )
  const kept = new Set(answer.data.result.flatMap(({ values }) => values.map(([, value]) => Number(value))))
  return {
    kills: moments.length,
    written: acknowledged.length,
    lost: acknowledged.filter((one) => !kept.has(one)),
    moments,
  }
}

async function oneFault(
  demo: Demo,
  { fault, policy, part }: (typeof FAULTS)[number],
  kills: number,
  random: () => number,
): Promise<number[]> {
  const before = new Set(part === undefined ? [] : pidsOf(await status(demo), part))
  const seen = new Set(before)
  await using watch = watchPids(demo, part, seen)

  const since = Date.now()
  await json(`${demo.control}/break/${fault}`, { method: 'POST' })
  const moments: number[] = []
  const began = performance.now()
  for (let i = 0; i < kills; i++) {
    await wait(500 + random() * 9500)
    moments.push(Math.round(performance.now() - began))
    await killAndStart(demo)
  }
  let all: readonly IncidentWire[] = []
  const mine = async () => {
    all = await incidents(demo)
    return all.filter((one) => one.policy === policy && Date.parse(one.openedAt) >= since - 1000)
  }
  const told = () =>
    all
      .slice(0, 4)
      .map(
        ({ id, state, timeline }) =>
          `${id} ${state}\n${timeline.map(({ at, kind, text }) => `  ${at} ${kind}: ${text}`).join('\n')}`,
      )
      .join('\n')
  const answered = (one: IncidentWire) =>
    one.timeline.some(({ kind }) => ['acted', 'ticketed', 'notified'].includes(kind))
  await until(async () => (await mine()).some(answered), {
    what: () => `${policy} is answered after ${kills} kills\n${told()}`,
    withinMs: 120_000,
  })
  await json(`${demo.control}/heal`, { method: 'POST' })
  await until(async () => (await mine()).every(({ state }) => state === 'resolved'), {
    what: () => `${policy} is resolved\n${told()}`,
    withinMs: 180_000,
  })
  await watch.stop()

  const found = await mine()
  const story = JSON.stringify(found, null, 1)
  assert.equal(found.length, 1, `one fault is one incident: ${story}`)
  const acted = found.flatMap(({ timeline }) => timeline.filter(({ kind }) => kind === 'acted'))
  const ids = acted.map(({ action }) => action)
  assert.equal(new Set(ids).size, ids.length, `no action is done twice: ${story}`)
  if (fault === 'mes-slow') {
    const opened = (await tickets(demo)).filter(({ incident }) => found.some(({ id }) => id === incident))
    assert.equal(opened.length, 1, 'one incident, one ticket')
    assert.equal(opened[0]?.state, 'closed')
  } else {
    const fresh = [...seen].filter((pid) => !before.has(pid)).length
    const perAction = fault === 'crm-saturated' ? before.size : 1
    assert.ok(
      acted.length > 0 && fresh <= acted.length * perAction,
      `${fresh} new processes of ${part} for ${acted.length} actions: ${story}`,
    )
  }
  return moments
}

/** Adds every process of a part that is ever seen, until stopped. */
function watchPids(
  demo: Demo,
  part: string | undefined,
  seen: Set<number>,
): AsyncDisposable & { readonly stop: () => Promise<void> } {
  const stopping = new AbortController()
  const loop = (async () => {
    while (part !== undefined && !stopping.signal.aborted) {
      const pids = await status(demo).then(
        (now) => pidsOf(now, part),
        () => [],
      )
      for (const pid of pids) seen.add(pid)
      await wait(150)
    }
  })()
  const stop = async () => {
    stopping.abort()
    await loop
  }
  return { stop, [Symbol.asyncDispose]: stop }
}

async function killAndStart(demo: Demo): Promise<void> {
  const { assay } = await status(demo)
  if (assay.pid !== undefined) process.kill(assay.pid, 'SIGKILL')
  await until(async () => (await status(demo)).assay.pid === undefined, {
    what: 'assay is gone',
    withinMs: 10_000,
    everyMs: 20,
  })
  await json(`${demo.control}/assay/start`, { method: 'POST', signal: AbortSignal.timeout(60_000) })
}

/** Writes one sample after the other by remote write; what was answered 204 is acknowledged and must never be lost. */
function startWriter(demo: Demo): AsyncDisposable & { readonly stop: () => Promise<readonly number[]> } {
  const acknowledged: number[] = []
  const stopping = new AbortController()
  const loop = (async () => {
    for (let value = 1; !stopping.signal.aborted; value++) {
      const body = compressSync(writeRequest('trust_samples_total', Date.now(), value))
      const headers = {
        'content-type': 'application/x-protobuf',
        'content-encoding': 'snappy',
        'x-prometheus-remote-write-version': '0.1.0',
      }
      await fetch(`${demo.url}/api/v1/write`, {
        method: 'POST',
        body: new Uint8Array(body),
        headers,
        signal: AbortSignal.timeout(5000),
      }).then(
        (response) => {
          if (response.status === 204) acknowledged.push(value)
        },
        () => {}, // refused while it is down: not acknowledged
      )
      await wait(40)
    }
  })()
  const stop = async () => {
    stopping.abort()
    await loop
    return acknowledged
  }
  return {
    stop,
    async [Symbol.asyncDispose]() {
      await stop()
    },
  }
}

/** `prometheus.WriteRequest` with one series of one sample. */
function writeRequest(name: string, timestampMs: number, value: number): Buffer {
  const label = message(1, Buffer.concat([message(1, Buffer.from('__name__')), message(2, Buffer.from(name))]))
  const bits = Buffer.alloc(9)
  bits[0] = 0x09 // field 1, 64 bit
  bits.writeDoubleLE(value, 1)
  const sample = message(2, Buffer.concat([bits, Buffer.from([0x10]), varint(timestampMs)]))
  return message(1, Buffer.concat([label, sample]))
}

function message(field: number, body: Buffer): Buffer {
  return Buffer.concat([Buffer.from([(field << 3) | 2]), varint(body.length), body])
}

function varint(value: number): Buffer {
  const bytes: number[] = []
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Buffer.from([...bytes, rest])
    bytes.push((rest % 128) | 128)
  }
}
