/**
 * The main job, on the real company: break it, and watch assay notice, act, verify and tell.
 * One demo serves all cases in turn; each begins from health and ends in it.
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { IncidentWire } from '#server'
import { openBrowser } from '../support/browser.ts'
import { assay, type Demo, incidents, json, overview, startDemo, tickets, until, value } from '../support/demo.ts'

let demo: Demo

before(async () => {
  demo = await startDemo()
  await until(async () => (await overview(demo)).parts.every(({ state }) => state === 'ok'), {
    what: 'every part is ok',
    withinMs: 60_000,
  })
})
after(async () => {
  await demo?.[Symbol.asyncDispose]()
})

type Mail = { readonly to: readonly string[]; readonly subject: string; readonly text: string }
const mails = async () => (await json<{ mails: Mail[] }>(`${demo.control}/mails`)).mails
const pids = async (part: string) => {
  const { parts } = await json<{ parts: { name: string; pids: number[] }[] }>(`${demo.control}/status`)
  return parts.find(({ name }) => name === part)?.pids ?? []
}
const kinds = (incident: IncidentWire) => incident.timeline.map(({ kind }) => kind)
const told = (incident: IncidentWire) =>
  incident.timeline.map(({ at, kind, text }) => `${at} ${kind}: ${text}`).join('\n')

/** The newest incident of a policy that opened after this case began. */
async function incidentOf(policy: string, since: number): Promise<IncidentWire | undefined> {
  return (await incidents(demo)).find((one) => one.policy === policy && Date.parse(one.openedAt) >= since - 1000)
}

async function breakIt(fault: string): Promise<number> {
  const since = Date.now()
  const { code, output } = await assay('demo', 'break', fault, '--port', String(demo.port))
  assert.equal(code, 0, output)
  return since
}

async function healIt(fault: string): Promise<void> {
  const { code, output } = await assay('demo', 'heal', fault, '--port', String(demo.port))
  assert.equal(code, 0, output)
}

const reaches = (
  policy: string,
  since: number,
  holds: (incident: IncidentWire) => boolean,
  what: string,
  withinMs = 90_000,
) =>
  until(
    async () => {
      const incident = await incidentOf(policy, since)
      return incident !== undefined && holds(incident) ? incident : undefined
    },
    { what: `${policy} ${what}`, withinMs },
  )
const resolves = (policy: string, since: number) =>
  reaches(policy, since, ({ state }) => state === 'resolved', 'is resolved', 120_000)

test('every part is up, charted and known by its signals', async () => {
  const parts = await until(
    async () => {
      const { parts } = await overview(demo)
      const all = parts.every(
        ({ signals }) => signals[0]?.value !== null && signals[0]?.spark.some(([, y]) => y !== null),
      )
      return all ? parts : undefined
    },
    { what: 'every part has its first number and its line', withinMs: 60_000 },
  )
  assert.deepEqual(parts.map(({ id }) => id).toSorted(), [
    'broker',
    'crm',
    'crmDb',
    'machine',
    'mes',
    'mesDb',
    'models',
    'shop',
    'shopDb',
  ])
})

// Waiting is most of both, and they touch different parts: side by side they take half the time.
describe('faults that take no CPU', { concurrency: true }, () => {
  test('mes-slow: a ticket is opened, and closed with the proof once the cause is gone', async () => {
    const since = await breakIt('mes-slow')
    const open = await reaches('mesSlow', since, (one) => one.ticket !== null, 'has a ticket')
    assert.ok(kinds(open).includes('detected') && kinds(open).includes('ticketed'), told(open))
    await healIt('mes-slow')
    const resolved = await resolves('mesSlow', since)
    assert.ok(kinds(resolved).includes('verified'), told(resolved))
    const ticket = (await tickets(demo)).find(({ id }) => id === open.ticket)
    assert.equal(ticket?.state, 'closed')
    assert.ok((ticket?.comments.length ?? 0) > 0, 'the proof is a comment')
  })

  test('crm-errors: a mail really arrives over SMTP, and another when it is over', async () => {
    const since = await breakIt('crm-errors')
    await reaches('crmErrors', since, (one) => kinds(one).includes('notified'), 'is told')
    const mail = await until(
      async () =>
        (await mails()).find(
          ({ to, subject }) => to.some((address) => address.startsWith('support@')) && /crm/i.test(subject),
        ),
      { what: 'support has a mail', withinMs: 20_000 },
    )
    assert.match(mail.text, /since/i)
    await healIt('crm-errors')
    await resolves('crmErrors', since)
  })

  test('what assay watches without being asked is told: a stuck consumer, connections that run out', async () => {
    const since = await breakIt('consumer-stuck')
    await breakIt('connections-leak')
    const leak = await reaches('connectionsRunOut', since, (one) => one.parts.includes('crmDb'), 'names the database')
    await healIt('connections-leak')
    const stuck = await reaches('queueStuck', since, (one) => one.parts.includes('broker'), 'names the broker', 120_000)
    await healIt('consumer-stuck')
    for (const { policy } of [leak, stuck]) await resolves(policy, since)
  })
})

test('mes-overload: one more process really runs, and latency falls', async () => {
  const before = (await pids('mes')).length
  const since = await breakIt('mes-overload')
  const acted = await reaches('mesBusy', since, (one) => kinds(one).includes('acted'), 'has acted')
  const worst =
    (await value(
      demo,
      'max_over_time((histogram_quantile(0.95, sum by (le) (rate(http_server_request_duration_seconds_bucket{job="mes"}[10s]))))[1m:1s])',
    )) ?? 0
  const after = await until(async () => ((await pids('mes')).length > before ? await pids('mes') : undefined), {
    what: 'mes has more processes',
    withinMs: 30_000,
  })
  assert.ok(after.length > before, told(acted))
  const verified = await reaches('mesBusy', since, (one) => kinds(one).includes('verified'), 'is verified', 120_000)
  await until(
    async () =>
      ((await value(
        demo,
        'histogram_quantile(0.95, sum by (le) (rate(http_server_request_duration_seconds_bucket{job="mes"}[10s])))',
      )) ?? Infinity) < worst,
    {
      what: `p95 of mes falls below ${worst} s`,
      withinMs: 60_000,
    },
  )
  await healIt('mes-overload')
  await resolves('mesBusy', since)
  assert.ok(verified.timeline.find(({ kind }) => kind === 'acted')?.action, 'the action has its id')
})

test('crm-saturated: its processes really change one by one while it keeps serving', async () => {
  const before = await pids('crm')
  assert.ok(before.length >= 2, `crm runs ${before.length} processes`)
  await using probe = serving(`http://127.0.0.1:${demo.port + 12}/health`)
  const since = await breakIt('crm-saturated')
  const acted = await reaches('crmSaturated', since, (one) => kinds(one).includes('acted'), 'has acted', 120_000)
  await picture('overview', '/', 'light', /crm/)
  const after = await until(
    async () => {
      const now = await pids('crm')
      return now.length === before.length && now.every((pid) => !before.includes(pid)) ? now : undefined
    },
    { what: 'every process of crm is another one', withinMs: 60_000 },
  )
  assert.equal(after.length, before.length)
  const refused = await probe.stop()
  assert.equal(refused, 0, `${refused} calls were refused during the restart`)
  await resolves('crmSaturated', since)
  await picture('incident', `/#/incidents/${acted.id}`, 'dark', 'What happened')
  await picture('part', '/#/parts/mes', 'light', /rate by channel/i)
  await healIt('crm-saturated')
})

test('database-down: reported with its cause, and what depends on it is not restarted', async () => {
  const before = await pids('crm')
  const since = await breakIt('database-down')
  const down = await reaches('partDown', since, (one) => one.parts.includes('crmDb'), 'names the database')
  assert.match(told(down), /refused|connect/i)
  const blind = await until(
    async () => (await overview(demo)).parts.find(({ id, state }) => id === 'crmDb' && state === 'blind'),
    { what: 'crm db is blind', withinMs: 20_000 },
  )
  assert.notEqual(blind.reason, '')
  await until(async () => Date.now() > since + 25_000, { what: 'the policies had their time', withinMs: 40_000 })
  assert.deepEqual(await pids('crm'), before, 'crm was not restarted')
  await healIt('database-down')
  await resolves('partDown', since)
  assert.deepEqual(await pids('crm'), before, 'crm was not restarted')
})

test('broker-down: unsent to sent rises while orders wait in the outbox of the shop, and is 0 again when all have left', async () => {
  const ratio = () => value(demo, 'messaging:outbox_unsent:ratio{part="shopDb"}')
  const shown = async () => {
    const signals = (await overview(demo)).parts.find(({ id }) => id === 'shopDb')?.signals ?? []
    return Object.fromEntries(signals.map((signal) => [signal.id, signal.value]))
  }
  await until(async () => (await ratio()) === 0, { what: 'all has been sent', withinMs: 60_000 })
  const since = await breakIt('broker-down')
  await until(async () => (await ratio()) === 1, { what: 'nothing leaves any more', withinMs: 60_000 })
  const waiting = await shown()
  assert.ok((waiting['outbox'] ?? 0) > 0, `${waiting['outbox']} wait`)
  assert.ok((waiting['outbox.ratio'] ?? 0) > 0.5, `the overview shows ${waiting['outbox.ratio']}`)
  await reaches('outboxStuck', since, (one) => one.parts.includes('shopDb'), 'names the database of the shop')
  await healIt('broker-down')
  await until(async () => (await ratio()) === 0 && (await shown())['outbox'] === 0, {
    what: 'all that waited has been sent',
    withinMs: 90_000,
  })
  await resolves('outboxStuck', since)
  assert.equal(await value(demo, 'max_over_time(messaging:outbox_unsent:ratio{part="shopDb"}[10m])'), 1)
})

test('with assay stopped, the company works on untouched', async () => {
  const { assay: running } = await json<{ assay: { pid?: number } }>(`${demo.control}/status`)
  const watcher = running.pid
  assert.ok(watcher !== undefined, 'the demo tells the process of assay')
  const companyBefore = await Promise.all(['shop', 'crm', 'mes'].map(pids))
  process.kill(watcher, 'SIGKILL')
  await until(
    () =>
      fetch(`${demo.url}/-/healthy`).then(
        () => false,
        () => true,
      ),
    { what: 'assay is gone', withinMs: 10_000 },
  )
  for (const port of [11, 12, 13])
    assert.equal((await fetch(`http://127.0.0.1:${demo.port + port}/health`)).status, 200)
  assert.deepEqual(await Promise.all(['shop', 'crm', 'mes'].map(pids)), companyBefore)
})

/** A picture of a page, which must have been drawn without a complaint of the browser. */
async function picture(name: string, path: string, scheme: 'light' | 'dark', shows: string | RegExp): Promise<void> {
  await using browser = await openBrowser()
  const { bytes, complaints } = await browser.look({ url: demo.url + path, name, scheme, shows })
  assert.deepEqual(complaints, [])
  assert.ok(bytes > 20_000, `${name} is drawn: ${bytes} bytes`)
}

/** Calls an address ten times a second until stopped; tells how many calls were refused or failed. */
function serving(url: string): AsyncDisposable & { stop: () => Promise<number> } {
  let refused = 0
  let running = true
  const loop = (async () => {
    while (running) {
      await fetch(url, { signal: AbortSignal.timeout(15_000) }).then(
        (response) => response.arrayBuffer(),
        () => refused++,
      )
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  })()
  const stop = async () => {
    running = false
    await loop
    return refused
  }
  return {
    stop,
    async [Symbol.asyncDispose]() {
      await stop()
    },
  }
}
